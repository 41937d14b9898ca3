#include "whence/clip/counterfactual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <ranges>
#include <unordered_set>

#include "whence/clip/margins.h"
#include "whence/core/error.h"

namespace whence::clip {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Similarities come from float32 vectors: an answer this near to the edge of a cap is not outside.
constexpr double roundings = 1e-5;

double dot(std::span<const double> a, std::span<const double> b) {
    // Four sums: the compiler may not reorder one.
    double sums[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 <= a.size(); i += 4)
        for (size_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
    for (; i < a.size(); ++i) sums[0] += a[i] * b[i];
    return sums[0] + sums[1] + sums[2] + sums[3];
}

// An embedding of the collection as it was scored; `strength` is the evidence, or less where lower
// is wanted, so that more is always better.
struct Scored {
    int64_t id = 0;
    double cosine = 0;
    double strength = 0;
};

class Search {
  public:
    Search(const Confidence& confidence, std::span<const double> original, double strength, Aim aim,
           const Collection& collection, const SearchOptions& options, const Run& run)
        : confidence_(confidence),
          original_(original.begin(), original.end()),
          goal_(strength),
          aim_(aim),
          collection_(collection),
          options_(options),
          run_(run) {}

    void look_at(const Reach& reach) {
        if (reach.covers.empty()) {
            ask({reach.embedding, -1}, options_.first);
            return;
        }
        complete_ = reach.covers.size() > 2 && prove_around_original();
        if (complete_) return;
        complete_ = true;
        for (const Cover& cover : reach.covers) {
            find(cover);
            complete_ = prove(cover) && complete_;
        }
    }

    [[nodiscard]] const std::vector<Scored>& reaching() const { return reaching_; }
    [[nodiscard]] const std::vector<Scored>& closest() const { return closest_; }
    [[nodiscard]] bool complete() const { return complete_; }
    [[nodiscard]] int64_t scored() const { return static_cast<int64_t>(seen_.size()) - left_out_; }
    [[nodiscard]] int64_t left_out() const { return left_out_; }
    [[nodiscard]] int64_t questions() const { return questions_; }

  private:
    [[nodiscard]] bool enough() const {
        return static_cast<int64_t>(reaching_.size()) >= options_.count;
    }
    // Nothing further from the original than this is of use.
    [[nodiscard]] double least_cosine() const { return enough() ? reaching_.back().cosine : -1; }

    // Further and further from the original, until enough reach the goal.
    void find(const Cover& cover) {
        constexpr int steps = 8;
        const auto nearest = nearest_in(cover.near, original_);
        const double begin = nearest ? angle(original_, *nearest) : 0;
        for (int step = 0; step <= steps && !enough(); ++step) {
            const double part = static_cast<double>(step) / steps;
            const double radius = begin + (std::numbers::pi - begin) * part * part;
            for (const Cap& cap : caps(cover, std::cos(radius)))
                if (!enough()) ask(cap, options_.first);
        }
    }

    // True once every embedding in the cover that could be of use was seen.
    bool prove(const Cover& cover) {
        for (int64_t count = options_.first;; count *= 4) {
            for (const Cap& cap : caps(cover, least_cosine()))
                if (holds_no_more(cap, count)) return true;
            if (count >= collection_.size) return true;
            if (!collection_.exact && scored() >= options_.limit) return false;
        }
    }

    // Many covers at once: all that is as near to the original, where that is not much.
    bool prove_around_original() {
        for (int64_t count = options_.first; count <= 64 * options_.first; count *= 4)
            if (ask({original_, -1}, count) < least_cosine() - roundings) return true;
        return false;
    }

    bool holds_no_more(const Cap& cap, int64_t count) {
        return cap.least > 1 + roundings || ask(cap, count) < cap.least - roundings;
    }

    [[nodiscard]] std::vector<Cap> caps(const Cover& cover, double cosine) {
        if (aim_ == Aim::raise && confidence_.margins().rows > 1)
            return {tightest(cover, cosine), {cover.far.direction, cover.far.offset}};
        std::vector<Cap> caps = {lens(cover.near, original_, cosine)};
        if (cover.far.direction == cover.near.direction) return caps;
        caps.push_back(lens(cover.far, original_, cosine));
        if (caps[1].direction != cover.far.direction)
            caps.push_back({cover.far.direction, cover.far.offset});
        return caps;
    }

    // The smallest cap around all that reaches the goal with x . original >= cosine. In all of
    // space such x are a convex set, for the evidence is concave; with p its point nearest to the
    // origin, x . p >= p . p holds for all of them. p is found from outside, by tangents of the
    // evidence at where the last ones led (Kelley 1960, "The cutting-plane method for solving
    // convex programs"). As p is a sum of half-spaces' directions with weights not below zero, the
    // same sum of their offsets bounds x . p whatever the rounds were good for.
    Cap tightest(const Cover& cover, double cosine) {
        constexpr int rounds = 8;
        constexpr size_t most_tangents = 40;
        if (tangents_.empty()) tangents_ = {cover.near, cover.far};
        Cap best = lens(cover.near, original_, cosine);
        const std::vector<double> origin(original_.size(), 0);
        for (int round = 0; round < rounds; ++round) {
            std::vector<double> rows = original_, least = {cosine};
            for (const HalfSpace& space : tangents_) {
                rows.insert(rows.end(), space.direction.begin(), space.direction.end());
                least.push_back(space.offset);
            }
            const auto found = nearest_with_margins(
                origin, {rows.data(), std::ssize(least), std::ssize(original_)}, least);
            if (!found) break;
            const double length = std::sqrt(dot(found->point, found->point));
            if (!(length > 1e-6)) break;
            const double bound = dot(found->multipliers, least) / length;
            best = {found->point, bound};
            for (double& number : best.direction) number /= length;
            std::vector<double> weights;
            const double evidence = confidence_.evidence(found->point, weights);
            if (evidence >= goal_ - 1e-6 || tangents_.size() >= most_tangents) break;
            tangents_.push_back(tangent_at(found->point, evidence, weights));
        }
        return best;
    }

    [[nodiscard]] HalfSpace tangent_at(std::span<const double> point, double evidence,
                                       std::span<const double> weights) const {
        const MatrixView<const double> margins = confidence_.margins();
        HalfSpace space{std::vector<double>(point.size(), 0), 0};
        for (int64_t j = 0; j < margins.rows; ++j)
            for (size_t i = 0; i < point.size(); ++i)
                space.direction[i] += weights[static_cast<size_t>(j)] * margins.row(j)[i];
        const double length = std::sqrt(dot(space.direction, space.direction));
        space.offset = (goal_ - evidence + dot(space.direction, point)) / length;
        for (double& number : space.direction) number /= length;
        return space;
    }

    // Scores what lies nearest to the cap's middle; the similarity of the last one, -infinity where
    // nothing is left.
    double ask(const Cap& cap, int64_t count) {
        run_.check();
        ++questions_;
        count = std::min(count, collection_.size);
        const std::vector<float> query(cap.direction.begin(), cap.direction.end());
        const auto neighbours = collection_.nearest(query, count);
        for (const auto& neighbour : neighbours)
            if (seen_.insert(neighbour.id).second) score(neighbour.id);
        if (neighbours.empty() || count == collection_.size) return -infinity;
        // An approximate index misses more towards the end of its answer: what lies there is no
        // proof.
        const size_t trusted = collection_.exact ? neighbours.size() : (neighbours.size() + 1) / 2;
        return neighbours[trusted - 1].similarity;
    }

    void score(int64_t id) {
        const std::span<const float> row = collection_.embedding(id);
        if (static_cast<int64_t>(row.size()) != confidence_.width())
            throw Error(ErrorKind::input,
                        fmt::format("the collection's embeddings have {} numbers, the original {}",
                                    row.size(), confidence_.width()));
        row_.assign(row.begin(), row.end());
        const double length = std::sqrt(dot(row_, row_));
        if (!(length > 0) || !std::isfinite(length)) {
            ++left_out_;
            return;
        }
        for (double& number : row_) number /= length;
        const double cosine = dot(row_, original_);
        if (enough() && cosine < least_cosine()) return;
        // What neither reaches the goal nor comes as close to it as others is of no use.
        const double floor = std::min(goal_, static_cast<int64_t>(closest_.size()) < options_.count
                                                 ? -infinity
                                                 : closest_.back().strength);
        const double strength =
            aim_ == Aim::raise ? confidence_.evidence(row_, floor) : -confidence_.evidence(row_);
        const Scored scored{id, cosine, strength};
        if (strength >= goal_)
            keep(reaching_, scored, [](const Scored& a, const Scored& b) {
                return a.cosine != b.cosine ? a.cosine > b.cosine : a.id < b.id;
            });
        else if (strength >= floor)
            keep(closest_, scored, [](const Scored& a, const Scored& b) {
                return a.strength != b.strength ? a.strength > b.strength : a.id < b.id;
            });
    }

    template <class Before>
    void keep(std::vector<Scored>& list, const Scored& scored, const Before& before) {
        list.insert(std::ranges::upper_bound(list, scored, before), scored);
        if (static_cast<int64_t>(list.size()) > options_.count) list.pop_back();
    }

    const Confidence& confidence_;
    const std::vector<double> original_;
    const double goal_;
    const Aim aim_;
    const Collection& collection_;
    const SearchOptions& options_;
    const Run& run_;
    std::unordered_set<int64_t> seen_;
    std::vector<Scored> reaching_, closest_;
    std::vector<HalfSpace> tangents_;  // each holds all that reaches the goal; to raise
    std::vector<double> row_;
    int64_t left_out_ = 0, questions_ = 0;
    bool complete_ = false;
};

void check(const Collection& collection, const SearchOptions& options) {
    if (options.count < 1 || options.first < 1 || options.limit < 1)
        throw Error(ErrorKind::usage,
                    "a search for counterfactuals wants at least one, asks for at "
                    "least one neighbour and looks at one or more");
    if (collection.size > 0 && (!collection.nearest || !collection.embedding))
        throw Error(ErrorKind::internal, "a collection without a way to ask it");
}

void add_notes(EmbeddingCounterfactuals& result) {
    const bool raised = result.aim == Aim::raise;
    const auto say = [&](std::string note) { result.notes.push_back(std::move(note)); };
    if (result.reach.already) {
        say(fmt::format("the original has a confidence of {:.4g} already: nothing needs to change",
                        result.confidence));
        return;
    }
    if (!result.reach.reachable)
        say(fmt::format(
            "no embedding at all reaches {:.4g}: the {} confidence there can be is {:.4g}",
            result.goal, raised ? "highest" : "lowest", result.reach.extreme));
    if (result.size == 0) {
        say("the store is empty");
    } else if (result.reach.reachable && (result.found.empty() || !result.found[0].reaches)) {
        say(fmt::format(
            "nothing {} reaches {:.4g}; shown is what comes closest of the {} looked at",
            result.exact ? "in the store" : "that was found in the store", result.goal,
            result.scored));
    }
    if (result.reach.reachable && result.size > 0 && !result.exact)
        say(result.complete ? "nearer ones may be missing only where the index, which is "
                              "approximate, missed them"
                            : "not proven: the index is approximate and the search met its limit, "
                              "nearer ones may "
                              "exist");
    if (!result.reach.converged && result.reach.reachable)
        say(fmt::format(
            "the wanted embedding, {:.4g} rad away, is the nearest one known; that none nearer "
            "than {:.4g} rad is enough is proven",
            result.reach.angle, result.reach.least_angle));
}

}  // namespace

EmbeddingCounterfactuals find_counterfactuals(const Confidence& confidence,
                                              std::span<const double> original, double goal,
                                              Aim aim, const Collection& collection,
                                              const SearchOptions& options, const Run& run) {
    check(collection, options);
    EmbeddingCounterfactuals result;
    result.goal = goal;
    result.aim = aim;
    result.size = collection.size;
    result.reach = reach(confidence, original, goal, aim);
    result.confidence = confidence.value(original);
    if (!result.reach.already && collection.size > 0) {
        const std::vector<double> unit = normalised(original, "the embedding");
        const double wanted = confidence.evidence_of(goal);
        Search search(confidence, unit, aim == Aim::raise ? wanted : -wanted, aim, collection,
                      options, run);
        search.look_at(result.reach);
        const bool reached = !search.reaching().empty();
        for (const Scored& scored : reached ? search.reaching() : search.closest())
            result.found.push_back(
                {scored.id,
                 confidence.confidence_of(aim == Aim::raise ? scored.strength : -scored.strength),
                 std::acos(std::clamp(scored.cosine, -1.0, 1.0)), reached});
        result.scored = search.scored();
        result.questions = search.questions();
        result.complete = search.complete();
        result.exact = result.complete && collection.exact;
        if (search.left_out() > 0)
            result.notes.push_back(
                fmt::format("{} embeddings of the store have no direction and "
                            "were left out",
                            search.left_out()));
    }
    add_notes(result);
    return result;
}

}  // namespace whence::clip
