#pragma once
// Shares of the training rows: what path-dependent values know of the distribution of the features.

#include <vector>

#include "whence/trees/ensemble.h"

namespace whence::trees {

/// Of an inner node: the share of its cover that goes left. Where no training row came, half.
/// Taken of the children's sum, so that both shares always add up to 1.
[[nodiscard]] inline double left_share(const Tree& tree, const Node& node) {
    const double left = tree.nodes[node.left].cover;
    const double both = left + tree.nodes[node.right].cover;
    return both > 0 ? left / both : 0.5;
}

/// Mean value of the leaves by cover: one number for each of tree.width.
[[nodiscard]] std::vector<double> expected_values(const Tree& tree);

/// [outputs]: mean of the margin by cover, base included.
[[nodiscard]] std::vector<double> expected_margins(const Ensemble& ensemble);

/// Throws Error(unsupported) where the ensemble has none.
void require_covers(const Ensemble& ensemble);

}  // namespace whence::trees
