#pragma once
// An ensemble compiled against a background, for the interventional engines: what is known before
// a row comes.

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"
#include "whence/trees/predict.h"
#include "whence/trees/shap/background_program.h"
#include "whence/trees/shap/columns.h"
#include "whence/trees/shap/kernels.h"
#include "whence/trees/shap/path_compiler.h"
#include "whence/trees/shap/tree_shap.h"
#include "whence/trees/shap/workspace.h"

namespace whence::trees {

/// Throws Error(input) for a background of no rows, or of another width than the ensemble's.
void require_background(const Ensemble& ensemble, MatrixView<const double> background);

/// `weights` of `rows` background rows, brought to a sum of 1; empty: all the same. Throws
/// Error(input) for another number of them, a negative one, or none above 0.
[[nodiscard]] std::vector<double> normalised(std::span<const double> weights, int64_t rows);

/// The share of a coalition of `a` of a + b players: a! b! / (a + b + 1)!, or 2^-(a + b).
[[nodiscard]] double coalition_weight(int64_t a, int64_t b, TreeIndex index = TreeIndex::shapley);

/// Weighted mean of margins [rows, outputs].
[[nodiscard]] std::vector<double> mean_margins(std::span<const double> margins,
                                               std::span<const double> weights, int64_t outputs);

/// What a leaf gives by p and z, the numbers of features that only the row and only the background
/// row satisfies (background_program.h).
template <class Scalar>
struct CoalitionWeights {
    CoalitionWeights(int64_t most, TreeIndex index);

    int64_t players;  ///< up to so many in all
    /// [players + 1, players + 1] and 16 more, by z and p: for a feature that only the row
    /// satisfies and one that only the background row does, for two of the one kind and two of the
    /// other.
    std::vector<Scalar> gain, loss, gains, losses;
};

/// A tree and, of its leaves, how many features are on the path.
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

/// The trees as programs of one number a leaf, and the background as its lanes read it.
template <class Scalar>
class CompiledBackground {
  public:
    /// Throws as InterventionalShap.
    CompiledBackground(const Ensemble& ensemble, MatrixView<const double> background,
                       std::span<const double> weights, int32_t trees_together,
                       const TreeShapOptions& options);

    /// A row (of columns, [columns]) against the background, in one tree; added to `sums`.
    [[nodiscard]] PairBlock<Scalar> pairs(const PathTree<Scalar>& tree, const int32_t* row,
                                          int64_t slots, Scalar* sums) const {
        const CoalitionWeights<Scalar>& c = coalitions_;
        const auto found = ordered_.find(&tree);
        const bool own = found != ordered_.end();
        return {row,
                own ? found->second.columns.data() : columns.data(),
                own ? found->second.weights.data() : lane_weights_.data(),
                stride,
                c.gain.data(),
                c.loss.data(),
                c.gains.data(),
                c.losses.data(),
                c.players,
                slots,
                sums};
    }

    const Kernels<Scalar>& kernels;
    const int64_t features, outputs;
    const Predictor predictor;
    Columns read;  ///< how rows become columns
    PathProgram<Scalar> program;
    const int64_t rows, stride;    ///< of the background; stride: whole vectors
    Aligned<int32_t> columns;      ///< the background's, [read.count(), stride]
    std::vector<double> weights;   ///< [stride], adding up to 1, 0 beyond the last row
    std::vector<double> expected;  ///< [outputs]: mean margin

  private:
    /// The background in the order of a tree's leaves: rows side by side in a vector then part from
    /// the explained row at the same splits, and fewer branches have a lane left to follow.
    struct Ordered {
        Aligned<int32_t> columns;
        std::vector<Scalar> weights;
    };

    [[nodiscard]] int32_t most_players() const;
    [[nodiscard]] Ordered in_order_of(const PathTree<Scalar>& tree) const;
    void order();

    std::vector<Scalar> lane_weights_;
    CoalitionWeights<Scalar> coalitions_;
    std::unordered_map<const PathTree<Scalar>*, Ordered> ordered_;  ///< empty: too much memory
};

}  // namespace whence::trees
