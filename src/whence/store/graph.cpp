#include "whence/store/graph.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "whence/core/parallel.h"
#include "whence/core/rng.h"
#include "whence/store/kernels.h"

namespace whence::store {
namespace {

constexpr uint32_t none = 0xffffffff;
constexpr int64_t batch_rows = 1024;  // few beside any graph that is worth a walk
constexpr uint32_t level_stream = 0x1e7e;
constexpr int64_t most_layers = 8;

// Layers above the lowest that this row is in: each is the `links`-th part of the one below it.
int64_t level_of(int64_t row, int64_t links) {
    const double u = Rng(0, level_stream, static_cast<uint64_t>(row)).open_uniform();
    const double level = -std::log(u) / std::log(static_cast<double>(links));
    return std::min<int64_t>(most_layers - 1, static_cast<int64_t>(level));
}

// Equals in an order that is another for each who chooses: all would otherwise choose the same few,
// and those could not hold them all.
uint64_t lot(uint32_t a, uint32_t b) {
    uint64_t x = ((uint64_t{a} << 32) | b) * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    return x * 0xbf58476d1ce4e5b9u;
}

struct Coded {
    AlignedVector<uint8_t> bytes;
    float scale;
};

void read_code(const Codes& codes, int64_t row, Coded& out) {
    out.bytes.resize(static_cast<size_t>(codes.codec->bytes()));
    shift(codes.row(row), codes.codec->bytes(), out.bytes.data());
    out.scale = codes.tail(row).scale;
}

}  // namespace

std::span<const uint32_t> Graph::Layer::of(uint32_t member) const {
    const uint32_t* first = links.data() + static_cast<int64_t>(member) * degree;
    return {first, std::find(first, first + degree, none)};
}

void Graph::Layer::set(uint32_t member, std::span<const Hit> neighbours) {
    uint32_t* to = links.data() + static_cast<int64_t>(member) * degree;
    std::fill(to, to + degree, none);
    for (const Hit& hit : neighbours) *to++ = hit.slot;
}

// In all that follows Hit::slot is the number of a member of the layer at hand.

struct Graph::Wish {
    uint32_t target;
    Hit source;
};

struct Graph::Walk {
    struct Seen {
        Hit hit;
        bool left = false;  ///< its neighbours were looked at
    };
    std::vector<Seen> beam;  ///< the nearest seen, in order
    Coded code;
    std::vector<float> scores;

    void begin(int64_t count) {
        beam.clear();
        for (const uint32_t member : met_) words_[member / 64] = 0;
        met_.clear();
        words_.resize(std::max(words_.size(), static_cast<size_t>(count / 64 + 1)));
    }
    /// True the first time.
    bool meet(uint32_t member) {
        uint64_t& word = words_[member / 64];
        const uint64_t bit = uint64_t{1} << (member % 64);
        if (word & bit) return false;
        word |= bit;
        met_.push_back(member);
        return true;
    }
    /// scores[i] of the query with members[i].
    void score(const Codes& codes, const Layer& layer, const uint8_t* bytes, float scale,
               std::span<const uint32_t> members) {
        const uint32_t* numbers = members.data();
        if (!layer.rows.empty()) {
            numbers_.resize(members.size());
            for (size_t i = 0; i < members.size(); ++i) numbers_[i] = layer.rows[members[i]];
            numbers = numbers_.data();
        }
        products_.resize(members.size());
        scores.resize(members.size());
        byte_kernels().back().some(bytes, codes.row(0), codes.codec->bytes(), codes.codec->stride(),
                                   numbers, std::ssize(members), products_.data());
        for (size_t i = 0; i < members.size(); ++i) {
            const CodeTail& tail = codes.tail(numbers[i]);
            scores[i] = scale * tail.scale * static_cast<float>(products_[i] - 128 * tail.sum);
        }
    }

    std::vector<uint32_t> fresh;

  private:
    std::vector<uint64_t> words_;
    std::vector<uint32_t> met_, numbers_;
    std::vector<int32_t> products_;
};

class Graph::Walks {
  public:
    class Lease {
      public:
        explicit Lease(Walks& walks) : walks_(walks), walk_(walks.take()) {}
        ~Lease() { walks_.give(std::move(walk_)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Walk& operator*() const { return *walk_; }

      private:
        Walks& walks_;
        std::unique_ptr<Walk> walk_;
    };

  private:
    std::unique_ptr<Walk> take() {
        const std::lock_guard lock(mutex_);
        if (idle_.empty()) return std::make_unique<Walk>();
        auto walk = std::move(idle_.back());
        idle_.pop_back();
        return walk;
    }
    void give(std::unique_ptr<Walk> walk) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(walk));
    }
    std::mutex mutex_;
    std::vector<std::unique_ptr<Walk>> idle_;
};

Graph::Graph(GraphOptions options) : options_(options), walks_(std::make_shared<Walks>()) {}

void Graph::enter(int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
        const int64_t level = level_of(row, options_.links);
        for (int64_t l = 0; l <= level; ++l) {
            if (l == std::ssize(layers_))
                layers_.push_back({.degree = l == 0 ? 2 * options_.links : options_.links});
            Layer& layer = layers_[static_cast<size_t>(l)];
            if (l > 0) {
                layer.rows.push_back(static_cast<uint32_t>(row));
                const int64_t under = layers_[static_cast<size_t>(l - 1)].count - 1;
                layer.below.push_back(static_cast<uint32_t>(under));
            }
            ++layer.count;
            layer.links.insert(layer.links.end(), static_cast<size_t>(layer.degree), none);
        }
    }
}

std::optional<uint32_t> Graph::entry(const Layer& layer, int64_t members) const {
    for (uint32_t member = 0; member < members; ++member)
        if (copy_of_[layer.row(member)] == none) return member;
    return std::nullopt;
}

void Graph::extend(const Codes& codes, int64_t count, const Run& run) {
    const Run inside{.threads = run.threads};  // a batch is finished once it is begun
    const int64_t start = size_;
    while (size_ < count) {
        run.check();
        run.report("building the graph", size_ - start, count - start);
        const int64_t end = std::min(size_ + batch_rows, count);
        std::vector<int64_t> old;
        for (const Layer& layer : layers_) old.push_back(layer.count);
        enter(size_, end);
        old.resize(layers_.size(), 0);
        copy_of_.resize(static_cast<size_t>(end), none);
        std::vector<Newcomer> newcomers(static_cast<size_t>(end - size_));
        parallel_for(inside, end - size_, 8, [&](int64_t from, int64_t to) {
            for (int64_t i = from; i < to; ++i)
                newcomers[static_cast<size_t>(i)] = look(codes, old, size_ + i);
        });
        for (size_t i = 0; i < newcomers.size(); ++i) {
            uint32_t first = newcomers[i].copy_of;
            if (first == none) continue;
            if (copy_of_[first] != none) first = copy_of_[first];
            const auto row = static_cast<uint32_t>(size_) + static_cast<uint32_t>(i);
            copy_of_[row] = first;
            copies_[first].push_back(row);
            newcomers[i].places.clear();
        }
        link(codes, newcomers, inside);
        size_ = end;
    }
}

// What is near a row in each layer it is in; `old` members of each were there before its batch.
Graph::Newcomer Graph::look(const Codes& codes, std::span<const int64_t> old, int64_t row) const {
    Query query;
    Coded code;
    read_code(codes, row, code);
    query.bytes = std::move(code.bytes);
    query.scale = code.scale;
    const Walks::Lease lease(*walks_);
    Walk& w = *lease;
    const int64_t level = level_of(row, options_.links);
    Newcomer out{.copy_of = none};
    std::optional<Hit> at;
    for (auto l = static_cast<size_t>(std::ssize(layers_)); l-- > 0;) {
        const Layer& layer = layers_[l];
        if (!at) {
            if (const auto first = entry(layer, old[l])) {
                w.score(codes, layer, query.bytes.data(), query.scale, {&*first, 1});
                at = Hit{*first, w.scores[0]};
            }
        }
        const bool member = static_cast<int64_t>(l) <= level;
        std::vector<Hit> near;
        if (at && !member) at = descend(codes, query, layer, *at);
        if (at && member) {
            walk(codes, query, layer, *at, options_.effort, w);
            for (const Walk::Seen& seen : w.beam) near.push_back(seen.hit);
            at = near.front();
        }
        if (member) {
            std::vector<uint32_t> mates;
            uint32_t self = none;
            for (auto m = static_cast<uint32_t>(old[l]); m < layer.count; ++m)
                if (layer.row(m) == row)
                    self = m;
                else
                    mates.push_back(m);
            w.score(codes, layer, query.bytes.data(), query.scale, mates);
            const bool full = std::ssize(near) == options_.effort;
            const float least = full ? near.back().score : -2;
            for (size_t i = 0; i < mates.size(); ++i)
                if (w.scores[i] >= least) near.push_back({mates[i], w.scores[i]});
            out.places.push_back({l, self, std::move(near)});
        }
        if (at && l > 0) at->slot = layer.below[at->slot];
    }
    for (const Hit& hit : out.places.back().near)  // of the lowest layer: members are rows
        if (hit.slot < std::min(static_cast<uint32_t>(row), out.copy_of) &&
            codes.codec->same(codes.code(hit.slot), codes.code(row)))
            out.copy_of = hit.slot;
    return out;
}

void Graph::link(const Codes& codes, std::span<Newcomer> newcomers, const Run& run) {
    parallel_for(run, std::ssize(newcomers), 8, [&](int64_t from, int64_t to) {
        for (auto i = static_cast<size_t>(from); i < static_cast<size_t>(to); ++i)
            for (Place& place : newcomers[i].places) {
                Layer& layer = layers_[place.layer];
                std::erase_if(place.near, [&](const Hit& hit) {
                    return copy_of_[layer.row(hit.slot)] != none;
                });
                place.near =
                    choose(codes, layer, place.member, std::move(place.near), options_.links);
                layer.set(place.member, place.near);
            }
    });
    std::vector<std::vector<Wish>> wishes(layers_.size());
    for (const Newcomer& newcomer : newcomers)
        for (const Place& place : newcomer.places)
            for (const Hit& hit : place.near)
                wishes[place.layer].push_back({hit.slot, {place.member, hit.score}});
    for (size_t l = 0; l < layers_.size(); ++l) {
        std::vector<Wish>& list = wishes[l];
        std::ranges::sort(
            list, {}, [](const Wish& wish) { return std::pair(wish.target, wish.source.slot); });
        std::vector<size_t> groups;
        for (size_t i = 0; i < list.size(); ++i)
            if (i == 0 || list[i].target != list[i - 1].target) groups.push_back(i);
        groups.push_back(list.size());
        parallel_for(run, std::ssize(groups) - 1, 16, [&](int64_t from, int64_t to) {
            for (auto g = static_cast<size_t>(from); g < static_cast<size_t>(to); ++g)
                take_up(codes, layers_[l],
                        std::span(list).subspan(groups[g], groups[g + 1] - groups[g]));
        });
    }
}

// The neighbours of `member`: near, and none nearer to another of them than to the member, so that
// they lie in all directions (the heuristic of the paper, algorithm 4); then, while there is room,
// the nearest of those left out.
std::vector<Hit> Graph::choose(const Codes& codes, const Layer& layer, uint32_t member,
                               std::vector<Hit> candidates, int64_t most) const {
    const auto order = [&](const Hit& a, const Hit& b) {
        if (a.score != b.score) return a.score > b.score;
        return std::pair(lot(member, a.slot), a.slot) < std::pair(lot(member, b.slot), b.slot);
    };
    const auto enough = std::min(std::ssize(candidates), options_.effort);
    std::ranges::partial_sort(candidates, candidates.begin() + enough, order);
    candidates.resize(static_cast<size_t>(enough));
    const Walks::Lease lease(*walks_);
    Walk& w = *lease;
    std::vector<Hit> chosen, left_out;
    std::vector<uint32_t> members;
    for (const Hit& hit : candidates) {
        if (std::ssize(chosen) == most) break;
        read_code(codes, layer.row(hit.slot), w.code);
        bool hidden = false;
        constexpr size_t step = 8;
        for (size_t i = 0; i < members.size() && !hidden; i += step) {
            const size_t part = std::min(step, members.size() - i);
            w.score(codes, layer, w.code.bytes.data(), w.code.scale,
                    std::span(members).subspan(i, part));
            hidden = std::ranges::any_of(w.scores, [&](float s) { return s >= hit.score; });
        }
        if (hidden) {
            left_out.push_back(hit);
            continue;
        }
        chosen.push_back(hit);
        members.push_back(hit.slot);
    }
    for (size_t i = 0; i < left_out.size() && std::ssize(chosen) < most; ++i)
        chosen.push_back(left_out[i]);
    return chosen;
}

void Graph::take_up(const Codes& codes, Layer& layer, std::span<const Wish> wishes) const {
    const uint32_t target = wishes.front().target;
    const std::span<const uint32_t> there = layer.of(target);
    std::vector<Hit> all;
    for (const uint32_t member : there) all.push_back({member, 0});
    for (const Wish& wish : wishes)
        if (std::ranges::find(there, wish.source.slot) == there.end()) all.push_back(wish.source);
    if (std::ssize(all) > layer.degree) {
        const Walks::Lease lease(*walks_);
        Walk& w = *lease;
        read_code(codes, layer.row(target), w.code);
        w.score(codes, layer, w.code.bytes.data(), w.code.scale, there);
        for (size_t i = 0; i < there.size(); ++i) all[i].score = w.scores[i];
        // Room for some more before it has to choose again.
        all = choose(codes, layer, target, std::move(all), layer.degree * 3 / 4);
    }
    layer.set(target, all);
}

Hit Graph::descend(const Codes& codes, const Query& query, const Layer& layer, Hit from) const {
    const Walks::Lease lease(*walks_);
    Walk& w = *lease;
    while (true) {
        const std::span<const uint32_t> next = layer.of(from.slot);
        w.score(codes, layer, query.bytes.data(), query.scale, next);
        Hit best = from;
        for (size_t i = 0; i < next.size(); ++i)
            best = std::min(best, Hit{next[i], w.scores[i]}, before);
        if (best == from) return from;
        from = best;
    }
}

// The best-first search of the paper (algorithm 2): w.beam.
void Graph::walk(const Codes& codes, const Query& query, const Layer& layer, Hit from,
                 int64_t effort, Walk& w) const {
    w.begin(layer.count);
    w.meet(from.slot);
    w.beam.push_back({from});
    size_t next = 0;
    while (next < w.beam.size()) {
        if (std::exchange(w.beam[next].left, true)) {
            ++next;
            continue;
        }
        w.fresh.clear();
        for (const uint32_t member : layer.of(w.beam[next].hit.slot))
            if (w.meet(member)) w.fresh.push_back(member);
        w.score(codes, layer, query.bytes.data(), query.scale, w.fresh);
        for (size_t i = 0; i < w.fresh.size(); ++i) {
            const Hit hit{w.fresh[i], w.scores[i]};
            if (std::ssize(w.beam) == effort) {
                if (!before(hit, w.beam.back().hit)) continue;
                w.beam.pop_back();
            }
            const auto place = std::ranges::lower_bound(w.beam, hit, before, &Walk::Seen::hit);
            next = std::min(next, static_cast<size_t>(place - w.beam.begin()));
            w.beam.insert(place, {hit});
            __builtin_prefetch(layer.links.data() + static_cast<int64_t>(hit.slot) * layer.degree);
        }
    }
}

std::vector<Hit> Graph::search(const Codes& codes, const Query& query, int64_t effort) const {
    if (size_ == 0) return {};
    const Walks::Lease lease(*walks_);
    Walk& w = *lease;
    std::optional<Hit> at;
    for (size_t l = layers_.size(); l-- > 0;) {
        const Layer& layer = layers_[l];
        if (!at) {
            const auto first = entry(layer, layer.count);
            if (!first) continue;
            w.score(codes, layer, query.bytes.data(), query.scale, {&*first, 1});
            at = Hit{*first, w.scores[0]};
        }
        if (l == 0) break;
        at = descend(codes, query, layer, *at);
        at->slot = layer.below[at->slot];
    }
    walk(codes, query, layers_.front(), *at, std::max<int64_t>(effort, 1), w);
    std::vector<Hit> out;
    for (const Walk::Seen& seen : w.beam) {
        out.push_back(seen.hit);
        if (const auto copies = copies_.find(seen.hit.slot); copies != copies_.end())
            for (const uint32_t row : copies->second) out.push_back({row, seen.hit.score});
    }
    return out;
}

}  // namespace whence::store
