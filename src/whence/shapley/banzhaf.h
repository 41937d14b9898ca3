#pragma once
// Banzhaf values: the mean marginal contribution over all coalitions, each counted once.

#include "whence/shapley/estimate.h"

namespace whence {

/// phi_i = 2^(1 - M) sum over S without i of (v(S with i) - v(S)) (Banzhaf 1965; Dubey and Shapley
/// 1979). Does not add up to v(everyone) - v(nobody), and claims no such thing; of all semivalues
/// its ranking changes least under noise in v (Wang and Jia 2023, "Data Banzhaf", theorem 4.2).
///
/// All coalitions where they fit into the budget; else every sample serves every player (maximum
/// sample reuse, ibid., definition 5), asked with its complement:
///     phi_i = mean over pairs of +-(v(S) - v(complement)),   + where i is in S.
struct Banzhaf {
    Budget budget;
};

[[nodiscard]] Estimate estimate(const Game& game, const Banzhaf& options, const Run& run);

}  // namespace whence
