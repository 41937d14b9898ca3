#pragma once
// All coalitions: the definitions themselves.

#include "whence/shapley/estimate.h"

namespace whence {

/// Shapley values by enumeration (Shapley 1953, "A value for n-person games", equation 13):
///     phi_i = sum over S without i of |S|! (M - |S| - 1)! / M! (v(S with i) - v(S)).
/// Cost: 2^M coalitions for M players; Error(limit) above 16 players.
struct ExactShap {
    static constexpr int64_t most_players = 16;
};

[[nodiscard]] Estimate estimate(const Game& game, const ExactShap& options, const Run& run);

namespace shapley {

class Questions;

/// v of all coalitions; bit i of the index says whether player i is there. Fills nobody and
/// everyone. Throws Error(limit) where there are too many players for `method` or no time for all.
[[nodiscard]] std::vector<double> table_of(Questions& questions, const char* method,
                                           Estimate& estimate);

/// The definition, from a table of 2^players values.
[[nodiscard]] std::vector<double> shapley_values(const std::vector<double>& table, int64_t players);

}  // namespace shapley
}  // namespace whence
