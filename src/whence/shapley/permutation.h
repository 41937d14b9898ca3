#pragma once
// Players join one by one, in random order; what each brings is its marginal contribution.

#include "whence/shapley/estimate.h"

namespace whence {

/// Each order is also walked backwards (shap's PermutationExplainer; antithetic permutations:
/// Mitchell, Cooper, Frank, Holmes 2022, "Sampling permutations for Shapley value estimation",
/// section 4.2): exact after one order where no more than two players interact at a time. Cost: 2 (M - 1)
/// coalitions an order for M players, at least two orders. Standard errors from the spread of the
/// orders.
struct PermutationShap {
    Budget budget;
};

/// Plain orders (Castro, Gomez, Tejada 2009, "Polynomial calculation of the Shapley value based on
/// sampling"; Strumbelj and Kononenko 2010 with the background averaged instead of drawn). M - 1
/// coalitions an order. Here for comparison: PermutationShap errs less at the same cost.
struct SamplingShap {
    Budget budget;
};

[[nodiscard]] Estimate estimate(const Game& game, const PermutationShap& options, const Run& run);
[[nodiscard]] Estimate estimate(const Game& game, const SamplingShap& options, const Run& run);

}  // namespace whence
