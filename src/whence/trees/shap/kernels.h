#pragma once
// The kernels of one processor.

#include <cstdint>

#include "whence/trees/shap/background_program.h"
#include "whence/trees/shap/isa.h"
#include "whence/trees/shap/path_program.h"

namespace whence::trees {

template <class Scalar>
struct Kernels {
    int lanes;  ///< rows of a vector
    void (*walk_path)(const PathTree<Scalar>&, const Block<Scalar>&);
    void (*walk_interactions)(const PathTree<Scalar>&, const Block<Scalar>&, int64_t slots);
    /// Of a single row, for trees of one number a leaf and up to `lanes` points. Sums have a lane
    /// for each point.
    void (*walk_one_row_interactions)(const PathTree<Scalar>&, const Block<Scalar>&, int64_t slots);
    void (*walk_pairs)(const PathTree<Scalar>&, const PairBlock<Scalar>&);
    void (*walk_tables)(const PathTree<Scalar>&, const TableBlock<Scalar>&);
    void (*walk_pair_interactions)(const PathTree<Scalar>&, const PairBlock<Scalar>&);
    void (*walk_interaction_tables)(const PathTree<Scalar>&, const TableBlock<Scalar>&,
                                    int64_t slots);
    void (*count_patterns)(const PathTree<Scalar>&, const CountBlock&);
};

template <class Scalar>
[[nodiscard]] const Kernels<Scalar>& kernels(Isa isa);

}  // namespace whence::trees
