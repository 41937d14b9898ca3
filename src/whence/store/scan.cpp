#include "whence/store/scan.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "whence/core/parallel.h"
#include "whence/store/kernels.h"

namespace whence::store {
namespace {

constexpr int64_t block_rows = 1024;  // their codes stay in a core's cache for all queries
constexpr int64_t query_group = 32;

// Products of rounded floats: 64 partial sums of at most width / 64 + 10 roundings each, of numbers
// whose products' magnitudes add up to 1 at most, and the roundings of the turned vectors.
constexpr float rounding = 1e-5f;

struct Candidate {
    float most;  ///< its dot product is not above this
    uint32_t slot;
};

// A number that only grows, whoever sets it first. It decides what is looked at, never what is
// found.
class Floor {
  public:
    [[nodiscard]] float get() const { return value_.load(std::memory_order_relaxed); }
    void raise(float to) {
        float now = get();
        while (now < to && !value_.compare_exchange_weak(now, to, std::memory_order_relaxed)) {
        }
    }

  private:
    std::atomic<float> value_ = -std::numeric_limits<float>::infinity();
};

// The k largest numbers seen.
class Largest {
  public:
    explicit Largest(int64_t k) : k_(static_cast<size_t>(k)) {}
    void add(float value) {
        if (heap_.size() == k_) {
            if (!(value > heap_.front())) return;
            std::ranges::pop_heap(heap_, std::greater());
            heap_.pop_back();
        }
        heap_.push_back(value);
        std::ranges::push_heap(heap_, std::greater());
    }
    [[nodiscard]] float least() const {
        return heap_.size() == k_ ? heap_.front() : -std::numeric_limits<float>::infinity();
    }

  private:
    size_t k_;
    std::vector<float> heap_;
};

// What of the rows [begin, end) may be among the k nearest.
std::vector<Candidate> look(const Rows& rows, int64_t begin, int64_t end, const Query& query,
                            int64_t k, Floor& floor) {
    const Codec& codec = *rows.codes.codec;
    int32_t products[block_rows];
    byte_kernels().back().rows(query.bytes.data(), rows.codes.row(begin), codec.bytes(),
                               codec.stride(), end - begin, products);
    std::vector<Candidate> found;
    Largest lows(k);
    float least = floor.get();
    for (int64_t row = begin; row < end; ++row) {
        const CodeTail& tail = rows.codes.tail(row);
        const auto product = static_cast<float>(products[row - begin] - 128 * tail.sum);
        const float about = query.scale * tail.scale * product;
        const float off = (1 + query.error) * tail.error + query.error + rounding;
        if (!(about + off >= least) || rows.gone(row)) continue;  // nor what is no number
        found.push_back({about + off, static_cast<uint32_t>(row)});
        lows.add(about - off);
        least = std::max(least, lows.least());
    }
    floor.raise(lows.least());
    return found;
}

std::vector<Hit> nearest(const Rows& rows, const Query& query, std::vector<Candidate> candidates,
                         int64_t k) {
    std::ranges::sort(candidates, std::greater(), &Candidate::most);
    std::vector<Hit> heap;  // the worst in front
    for (const Candidate& candidate : candidates) {
        if (std::ssize(heap) == k && candidate.most < heap.front().score) break;
        const Hit hit{candidate.slot, dot(query.vector.data(), rows.vector(candidate.slot),
                                          rows.codes.codec->width())};
        if (!(hit.score >= -2)) continue;  // a damaged vector: no number
        if (std::ssize(heap) == k) {
            if (!before(hit, heap.front())) continue;
            std::ranges::pop_heap(heap, before);
            heap.pop_back();
        }
        heap.push_back(hit);
        std::ranges::push_heap(heap, before);
    }
    std::ranges::sort(heap, before);
    return heap;
}

}  // namespace

std::vector<std::vector<Hit>> scan(const Rows& rows, int64_t begin, std::span<const Query> queries,
                                   int64_t k, const Run& run) {
    std::vector<std::vector<Hit>> out(queries.size());
    const int64_t count = rows.count - begin, total = std::ssize(queries);
    if (count <= 0 || k <= 0) return out;
    const int64_t blocks = (count + block_rows - 1) / block_rows;
    for (int64_t first = 0; first < total; first += query_group) {
        const int64_t group = std::min(query_group, total - first);
        std::vector<Floor> floors(static_cast<size_t>(group));
        std::vector<std::vector<Candidate>> found(static_cast<size_t>(blocks * group));
        parallel_for(run, count, block_rows, [&](int64_t from, int64_t to) {
            const int64_t block = from / block_rows;
            for (int64_t q = 0; q < group; ++q)
                found[static_cast<size_t>(q * blocks + block)] =
                    look(rows, begin + from, begin + to, queries[static_cast<size_t>(first + q)], k,
                         floors[static_cast<size_t>(q)]);
        });
        parallel_for(run, group, 1, [&](int64_t q, int64_t) {
            std::vector<Candidate> candidates;
            for (int64_t block = 0; block < blocks; ++block)
                for (const Candidate& candidate : found[static_cast<size_t>(q * blocks + block)])
                    if (candidate.most >= floors[static_cast<size_t>(q)].get())
                        candidates.push_back(candidate);
            const auto number = static_cast<size_t>(first + q);
            out[number] = nearest(rows, queries[number], std::move(candidates), k);
        });
    }
    return out;
}

}  // namespace whence::store
