#pragma once

#include <span>

#include "whence/trees/shap/quadrature.h"

namespace whence::trees {

/// Interventional values of one leaf, for every pattern of the explained row.
///
/// `counts` [2^d]: weight of the background rows with each pattern; bit e of a pattern is set where
/// the row satisfies all splits on feature e of the path. Adds to `tables` [d, 2^d] the leaf's
/// `value` times its share for feature e where the row has pattern c. With u = c t + b (1 - t) for
/// each feature, the sum over patterns b of counts times the product of u is a butterfly of d
/// steps; from it the same sum with one factor left out follows by division. `rule` must be exact
/// for degree d - 1. Cost: 2 d 2^d for each point.
void add_pattern_tables(int features, double value, std::span<const double> counts,
                        const Quadrature& rule, std::span<double> tables);

/// The same for the pairs (e, f), f <= e, of features in that order: `tables` [d (d + 1) / 2, 2^d],
/// of a pair its Shapley interaction index, of (e, e) the value of e. Cost: d^2 2^d for each point.
void add_interaction_tables(int features, double value, std::span<const double> counts,
                            const Quadrature& rule, std::span<double> tables);

}  // namespace whence::trees
