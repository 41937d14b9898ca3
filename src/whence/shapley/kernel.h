#pragma once
// KernelSHAP: Shapley values as the weighted least squares fit of a sum to the game (Lundberg and
// Lee 2017, "A unified approach to interpreting model predictions", theorem 2):
//     minimise over phi  sum over S of w(|S|) (v(S) - v(nobody) - sum over i in S of phi_i)^2
//     w(s) = (M - 1) / (C(M, s) s (M - s)),   subject to  sum phi = v(everyone) - v(nobody).

#include <string>

#include "whence/shapley/estimate.h"

namespace whence {

/// By default coalitions are asked with their complements (paired: Covert and Lee 2021, section
/// 4.1; the even part of the game then drops out, so that it is exact where no more than two players
/// interact at a time), drawn without replacement size by size, all of a size where they fit, as
/// many of size s as 1 / sqrt(s (M - s)): between the kernel's and the equal numbers of leverage
/// scores (Musco and Witter 2025, "Provably accurate Shapley value estimation via leverage score
/// sampling"). Standard errors: linearised estimator of a stratified sample (Sarndal, Swensson,
/// Wretman 1992, section 5.5), residuals divided by one minus their leverage.
///
/// From 40 pairs on, where it predicts pairs that it was not fitted to, a Gaussian process of all
/// threes of players is a control variate: only what it leaves is estimated from the sample (see
/// proxy.h). Halves the error of smooth games, and more.
///
/// Cost: the coalitions, and about coalitions x M^2 / 64 operations for the matrix, M^3 / 3 to solve
/// it; for the proxy some 10^8. Misleads where the budget is a few times M only: then read the standard errors. Error(limit)
/// above 4096 players.
struct KernelShap {
    static constexpr int64_t most_players = 4096;
    Budget budget;
    /// As shap 0.5x: its weights, its order of sizes, random sizes drawn by the kernel, repeated
    /// coalitions counted. No standard errors, no early stop. The same numbers as shap's where all
    /// coalitions fit into the budget; else its random numbers differ.
    bool compatible = false;
    /// compatible alone: which players may have a value. "none", "auto" (the Akaike criterion where
    /// less than a fifth of the coalitions is asked), "aic", "bic", "num_features(10)" (shap's
    /// default: the first ten of the path of least angle regression), or the penalty of a lasso.
    std::string l1_reg = "num_features(10)";
};

[[nodiscard]] Estimate estimate(const Game& game, const KernelShap& options, const Run& run);

namespace shapley {

class Questions;

/// The compatible form, of at least two players; `out` knows both ends.
void compatible_kernel(Questions& questions, const KernelShap& options, Estimate& out);

}  // namespace shapley
}  // namespace whence
