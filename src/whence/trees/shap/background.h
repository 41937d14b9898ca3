#pragma once
// What the interventional engines share: the background's weights, and coalitions by their numbers
// of players.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"
#include "whence/trees/shap/path_program.h"
#include "whence/trees/shap/tree_shap.h"

namespace whence::trees {

/// Throws Error(input) for a background of no rows, or of another width than the ensemble's.
void require_background(const Ensemble& ensemble, MatrixView<const double> background);

/// `weights` of `rows` background rows, brought to a sum of 1; empty: all the same. Throws
/// Error(input) for another number of them, a negative one, or none above 0.
[[nodiscard]] std::vector<double> normalised(std::span<const double> weights, int64_t rows);

/// The share of a coalition of `a` of a + b players: a! b! / (a + b + 1)!, or 2^-(a + b).
[[nodiscard]] double coalition_weight(int64_t a, int64_t b, TreeIndex index = TreeIndex::shapley);

/// Numbers in a table of weights by p and z, up to `most` in all (background_program.h).
constexpr int64_t coalition_table_size(int64_t most) {
    return (most + 1) * (most + 1) + 16;
}

/// Weighted mean of margins [rows, outputs].
[[nodiscard]] std::vector<double> mean_margins(std::span<const double> margins,
                                               std::span<const double> weights, int64_t outputs);

/// Of a tree's leaves, by leaf: how many features are on the path.
template <class Scalar>
std::vector<int32_t> features_of_leaves(const PathTree<Scalar>& tree) {
    std::vector<int32_t> features;
    const auto visit = [&](auto& self, int32_t number, int32_t above) -> void {
        if (number < 0) {
            features.resize(std::max<size_t>(features.size(), ~number + 1));
            features[~number] = above;
            return;
        }
        const PathNode& node = tree.nodes[number];
        const int32_t here = above + (node.repeated ? 0 : 1);
        self(self, node.left, here);
        self(self, node.right, here);
    };
    visit(visit, 0, 0);
    return features;
}

}  // namespace whence::trees
