#pragma once
// Candidate anchors, each with the samples drawn under it: one bit for each sample.

#include <deque>
#include <vector>

#include "whence/anchors/bits.h"
#include "whence/anchors/judge.h"
#include "whence/anchors/lucb.h"
#include "whence/anchors/sampler.h"

namespace whence::anchors {

/// An anchor, and what the model said of samples [0, tally.drawn) under it.
struct Arm {
    Anchor anchor;
    double coverage = 1;
    Tally tally;

    // It is its parent's anchor with one predicate more; the empty anchor has no parent.
    Arm* parent = nullptr;
    int32_t predicate = -1;
    Bits known;  ///< samples whose prediction is known; may reach beyond `drawn`
    Bits same;   ///< of those, where the prediction is the input's
    Bits asked;  ///< known, or about to be
    Bits kept;   ///< samples that are the same rows as the parent's
};

/// Every arm of a search. A sample that is the same row as the parent's of the same number is asked
/// for once, there: with predicates that hold for a share s of all rows the model is asked (1 - s)
/// rows for a sample. Each arm's samples are independent draws under it, exactly as if it had been
/// asked alone; only different arms share some, which the union bounds of the search allow.
class Arms {
  public:
    /// Both must outlive this.
    Arms(const Sampler& sampler, Judge& judge, const Run& run);

    [[nodiscard]] Arm& empty() { return arms_.front(); }
    /// `parent` with one predicate more. Addresses stay valid.
    Arm& extend(Arm& parent, int32_t predicate);
    /// `count` more samples for each, in few large batches.
    void pull(std::span<Arm* const> arms, int64_t count);

  private:
    struct Question {
        Arm* arm;
        int64_t index;
    };
    void reserve(Arm& arm, int64_t samples) const;
    void demand(Arm& arm, int64_t word, uint64_t wanted);
    void settle(Arm& arm, int64_t word, uint64_t wanted);
    void ask();

    const Sampler& sampler_;
    Judge& judge_;
    const Run& run_;
    std::deque<Arm> arms_;
    std::vector<Question> questions_;
};

}  // namespace whence::anchors
