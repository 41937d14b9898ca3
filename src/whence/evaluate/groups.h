#pragma once
// Explanation quality by the groups of protected columns. Private to this folder.

#include <span>
#include <string>
#include <vector>

#include "whence/core/schema.h"
#include "whence/core/score_card.h"

namespace whence::evaluate {

/// Who of the samples is in which group.
struct Grouping {
    std::string column;
    std::vector<std::string> names;
    std::vector<int64_t> of;  ///< of each sample; -1: its value is missing
};

/// By the values (one for each sample) of a column: its categories that occur, numbers of which there are at most 8
/// different ones, or the halves below and above the median.
[[nodiscard]] Grouping group_by(const Feature& feature, std::span<const double> values);

/// Every metric of the card that scores each sample, of every method for which it is defined, by each grouping. Permutations are as many as
/// all these comparisons together need (Bonferroni).
[[nodiscard]] std::vector<QualityGap> quality_gaps(const ScoreCard& card, std::span<const Grouping> groupings, const Run& run);

}  // namespace whence::evaluate
