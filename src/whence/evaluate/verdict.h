#pragma once
// What may and may not be concluded from a score card, in words. Rules over its numbers alone.

#include <vector>

#include "whence/core/score_card.h"

namespace whence::evaluate {

/// Each rule by itself; none says anything where it does not apply.
namespace rules {
using Conclusions = std::vector<Conclusion>;
[[nodiscard]] Conclusions best(const ScoreCard& card);  ///< who is distinguishably best on what
[[nodiscard]] Conclusions undecided(const ScoreCard& card);       ///< on what nobody is
[[nodiscard]] Conclusions against_chance(const ScoreCard& card);  ///< not better than random values
[[nodiscard]] Conclusions disagreement(
    const ScoreCard& card);  ///< metrics that contradict each other
[[nodiscard]] Conclusions few_samples(const ScoreCard& card);
[[nodiscard]] Conclusions undefined(
    const ScoreCard& card);                              ///< scores of other samples than others'
[[nodiscard]] Conclusions sums(const ScoreCard& card);   ///< attribution errors that are not small
[[nodiscard]] Conclusions units(const ScoreCard& card);  ///< values of another scale than answers
[[nodiscard]] Conclusions baseline(
    const ScoreCard& card);  ///< judged by the baseline of one of them
[[nodiscard]] Conclusions model_quality(
    const ScoreCard& card);                                    ///< metrics that take it to be right
[[nodiscard]] Conclusions groups(const ScoreCard& card);  ///< who is explained worse than others
[[nodiscard]] Conclusions by_chance(const ScoreCard& card);    ///< many comparisons
[[nodiscard]] Conclusions assumptions(const ScoreCard& card);  ///< what each metric cannot tell
}  // namespace rules

/// All of them, findings first.
[[nodiscard]] std::vector<Conclusion> verdict(const ScoreCard& card);

}  // namespace whence::evaluate
