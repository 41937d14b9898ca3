#pragma once
// Owen values over a hierarchy of the players, refined where the game moves most.

#include "whence/shapley/estimate.h"
#include "whence/shapley/hierarchy.h"

namespace whence {

/// Shapley values of the game in which, at every merge of the hierarchy, the two halves play against
/// each other with all others wholly there or wholly away (Owen 1977, "Values of games with a priori
/// unions", for nested unions; shap's PartitionExplainer). At each merge, in each context,
///     half of (v(context, left) - v(context)) and of (v(context, both) - v(context, right))
/// goes down to the left half, likewise to the right. The merge with the largest |difference| x
/// weight is taken next; what the budget does not resolve is shared among the players below it by
/// their number. It always adds up.
///
/// Cost: all of a balanced hierarchy takes M^2 coalitions; the budget is often spent well before. No
/// sampling, so no standard error: unresolved parts are stated in a note. Differs from the Shapley
/// value where players of different branches interact; the hierarchy is part of the question.
struct PartitionShap {
    Hierarchy hierarchy;  ///< no merges: balanced
    Budget budget;        ///< the tolerance is not used
};

[[nodiscard]] Estimate estimate(const Game& game, const PartitionShap& options, const Run& run);

}  // namespace whence
