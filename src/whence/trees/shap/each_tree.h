#pragma once
// Values tree by tree.

#include <optional>
#include <span>
#include <vector>

#include "whence/trees/shap/tree_shap.h"

namespace whence::trees {

/// The values of each tree by itself, in the order of Ensemble::trees, path-dependent or, with a
/// `background`, interventional. Over trees, values and margins add up to those of the ensemble but
/// for rounding and the base score, which no tree has. Takes 8 trees features outputs bytes for
/// each row, and compiles each tree by itself: use TreeShap for the sum. Throws as TreeShap and
/// InterventionalShap.
[[nodiscard]] std::vector<TreeShapValues> values_of_trees(
    const Ensemble& ensemble, MatrixView<const double> rows,
    const std::optional<MatrixView<const double>>& background, const TreeShapOptions& options,
    const Run& run);

}  // namespace whence::trees
