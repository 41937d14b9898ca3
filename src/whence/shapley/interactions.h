#pragma once
// What pairs of players do together beyond what each does alone.

#include "whence/shapley/estimate.h"

namespace whence {

/// The Shapley interaction index of pairs (Grabisch and Roubens 1999, "An axiomatic approach to the
/// concept of interaction among players in cooperative games", equation 1 for two players):
///     I_ij = sum over S without i, j of |S|! (M - |S| - 2)! / (M - 1)!
///            (v(S, i, j) - v(S, i) - v(S, j) + v(S)).
/// Given as TreeSHAP gives them (Lundberg et al. 2020): I_ij / 2 at (i, j) and at (j, i), and in the
/// diagonal what makes row i add up to the Shapley value of i. All of it adds up to v(everyone) -
/// v(nobody); the values are the Shapley values.
///
/// Exact where all coalitions fit into the budget. Else in rounds of M^2 coalitions (one more for
/// odd M): a random relabelling of M / 2 orders in which each pair stands side by side exactly once
/// (Walecki's zigzags), and at each step also the coalition with the two the other way round. Each
/// round estimates every pair and every player without bias; standard errors come from the rounds. The
/// tolerance is met by the values, not by each pair.
struct ShapInteractions {
    Budget budget;
};

[[nodiscard]] Estimate estimate(const Game& game, const ShapInteractions& options, const Run& run);

}  // namespace whence
