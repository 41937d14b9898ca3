#pragma once
// Shapley values of a sum: each player's own part.

#include "whence/shapley/estimate.h"

namespace whence {

/// Where v(S) is a sum over the players of S, as for a linear model behind any background,
///     phi_i = v(i alone) - v(nobody) = w_i (x_i - mean of b_i)
/// (Lundberg and Lee 2017, corollary 1). That it is such a sum is asked of the game: on 16 random
/// coalitions and their complements the sum must hit v to within `tolerance` of the largest
/// |v - v(nobody)|; else Error(unsupported). Cost: M + 34 coalitions. The check can be passed by a
/// model that interacts only in coalitions that were not asked.
struct LinearShap {
    double tolerance = 1e-4;
};

[[nodiscard]] Estimate estimate(const Game& game, const LinearShap& options, const Run& run);

}  // namespace whence
