#pragma once
// A few explanations that together show what matters (Ribeiro, Singh, Guestrin 2016, algorithm 2).

#include <vector>

#include "whence/core/explanation.h"

namespace whence {

struct Pick {
    std::vector<int64_t> rows;  ///< positions among the explanations, in the order picked
    /// Share of all features' importance that the rows up to here show, 0 to 1; 0 where no feature
    /// has any.
    std::vector<double> coverage;
};

/// SP-LIME: with W the weights [explanations, features] and importance I_j = sqrt(sum_i |W_ij|), the
/// greedy maximum of the sum of I_j over features that some picked row has a weight for. Features
/// are what the attributions name (LIME's conditions), positions where they name nothing; of rows
/// that add the same the last is taken, as in the lime package. Weights that are no finite numbers
/// count as 0.
///
/// The greedy choice covers at least 1 - 1/e of what the best choice would (Nemhauser, Wolsey,
/// Fisher 1978). Cost: count x explanations x features. It misleads where rows are explained for
/// different targets, whose weights do not compare.
///
/// Throws Error(usage) for no explanation, a count below 1, or more than there are explanations.
[[nodiscard]] Pick submodular_pick(const std::vector<Explanation>& explanations, int64_t count);

}  // namespace whence
