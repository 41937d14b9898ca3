#pragma once
// What a search for anchors knows of the input it explains: predicates that hold for it, and how to
// draw other inputs for which some of them hold. Tables and images have one; text needs no more.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/batch.h"
#include "whence/core/explanation.h"
#include "whence/core/run.h"

namespace whence::anchors {

/// Predicates by number, rising: all must hold. Empty: no condition.
using Anchor = std::vector<int32_t>;

/// More predicates than this no search can tell apart in useful time.
inline constexpr int64_t most_predicates = 65536;

/// Throws Error(limit) above most_predicates.
void check_predicates(int64_t count);

/// Sample number `index` of those drawn under an anchor.
struct Draw {
    std::span<const int32_t> anchor;
    int64_t index = 0;
};

/// The distribution D(z | A) of Ribeiro, Singh, Guestrin (2018) for every set A of predicates.
///
/// Samples are numbered, 0 <= index < 2^41, and sample `index` under an anchor depends on the seed,
/// the anchor and the index alone. The samples of one anchor are independent of each other. Those
/// of the same index under two anchors should be as alike as their distributions allow: a search
/// asks the model only once about rows that are the same (see kept). const; safe to call from one
/// thread at a time, it spreads its work over run.threads itself.
class Sampler {
  public:
    virtual ~Sampler() = default;
    [[nodiscard]] virtual int64_t predicates() const = 0;
    /// True where `predicate` cannot exclude anything that `anchor` leaves.
    [[nodiscard]] virtual bool implied(std::span<const int32_t> anchor,
                                       int32_t predicate) const = 0;
    /// Writes sample draws[r] into row r; `rows` are copies of the input or the rows of an earlier
    /// call, as many as draws.
    virtual void draw(std::span<const Draw> draws, Batch& rows, const Run& run) const = 0;
    /// Bit i of the answer is set where sample 64 * word + i is the same row under `anchor` and
    /// under `anchor` with `predicate`. It must never be set where they differ.
    [[nodiscard]] virtual uint64_t kept(std::span<const int32_t> anchor, int32_t predicate,
                                        int64_t word) const = 0;
    /// Share of the samples drawn without condition for which the anchor holds.
    [[nodiscard]] virtual double coverage(std::span<const int32_t> anchor) const = 0;
    /// The anchor in words; predicates of one feature may become one condition.
    [[nodiscard]] virtual std::vector<Rule::Condition> conditions(
        std::span<const int32_t> anchor) const = 0;
};

}  // namespace whence::anchors
