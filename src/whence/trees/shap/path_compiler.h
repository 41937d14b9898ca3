#pragma once
// From trees to the programs of the quadrature kernels.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "whence/trees/ensemble.h"
#include "whence/trees/shap/columns.h"
#include "whence/trees/shap/path_program.h"
#include "whence/trees/shap/quadrature.h"

namespace whence::trees {

/// Some trees of one kind, one after the other: the unit of work and of float accumulation.
/// `slots` are its players; a kernel's sums are [slots, outputs, rows].
template <class Scalar>
struct PathChunk {
    std::vector<PathTree<Scalar>> trees;
    std::vector<int32_t> slots;  ///< slot -> player (Ensemble::player)
    int32_t output = 0;          ///< the first output its leaves add to
    int32_t outputs = 1;
    int64_t workspace = 0;  ///< bytes
};

/// Whether Kernels::walk_one_row_interactions takes all trees of the chunk, where vectors have so many lanes.
template <class Scalar>
bool walks_one_row(const PathChunk<Scalar>& chunk, int lanes) {
    return std::ranges::all_of(chunk.trees, [lanes](const PathTree<Scalar>& tree) {
        return tree.outputs == 1 && tree.count <= lanes;
    });
}

enum class PathIndex { shapley, banzhaf };

/// What a program is for.
struct PathPlan {
    PathIndex index = PathIndex::shapley;
    int32_t trees_together = 32;   ///< trees of a chunk: few, for its sums may be float32
    int32_t outputs_together = 8;  ///< of leaves of many numbers, that one walk explains
    bool edges = false;            ///< PathTree::edges, for interactions
};

/// All trees, compiled. Owns what the chunks point to.
template <class Scalar>
class PathProgram {
  public:
    /// `columns` learns the sets of categories. Throws Error(limit) for trees of more than 4096
    /// levels or 128 different features on a path.
    PathProgram(const Ensemble& ensemble, const PathPlan& plan, Columns& columns);
    PathProgram(const PathProgram&) = delete;
    PathProgram& operator=(const PathProgram&) = delete;

    [[nodiscard]] const std::vector<PathChunk<Scalar>>& chunks() const { return chunks_; }

  private:
    struct Storage {  // of PathTree
        std::vector<PathNode> nodes;
        std::vector<Scalar> constants;
        std::vector<Scalar> values;
        std::vector<Scalar> edges;
    };

    std::vector<PathChunk<Scalar>> chunks_;
    std::vector<Storage> storage_;             ///< one for each compiled tree
    std::vector<std::vector<Scalar>> points_;  ///< by number of points: nodes, then weights
    std::vector<uint32_t> words_;
};

}  // namespace whence::trees
