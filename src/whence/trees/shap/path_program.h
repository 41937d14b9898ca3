#pragma once
// Trees compiled for the quadrature kernels (path_kernel.h), and what a kernel is given.
// Plain data: the kernels are compiled for other processors and must share no code with anybody.

#include <cstddef>
#include <cstdint>

namespace whence::trees {

/// A split. Its children: an inner node of the same tree, or ~i for the leaf whose numbers begin at
/// i. With r the share of the cover that goes left, points t_q, and for a feature met before on the
/// path c, the product of the shares taken at its splits, u_q = t_q + c (1 - t_q), the constants
/// are
///   1 - r, -r, r           what the sum of the split is multiplied with where the row goes left
///   and
///                          right; r and 1 - r are also the factors of the children where an
///                          earlier split on the feature has sent the row elsewhere
///   left[q], right[q]      else the factors of the child the row does not go to
///   step[q], scale[q]      (met before) what is added where it does go there; c / u^2
/// and of a split with two leaves below, a and b
///   (1 - r)(a - b), -r (a - b), a, b, b + r (a - b)
///   right[q], left[q]      the sum below where the row goes right and left; that above where an
///   earlier
///                          split has sent it elsewhere
///   scale[q]               (met before) c / u^2
struct PathNode {
    int32_t column;  ///< row of Block::columns
    int32_t rank;    ///< left where the column is <= rank; categorical: where its words begin
    int32_t slot;    ///< of its feature in Block::sums
    int32_t entry;   ///< number of its feature among those of the path
    int32_t left, right;
    int32_t constants;  ///< where they begin
    bool categorical;
    bool repeated;  ///< its feature stands above it on the path
    bool watched;   ///< its feature stands below it, too
    bool bottom;    ///< two leaves below, one number a leaf
};

template <class Scalar>
struct PathTree {
    const PathNode* nodes;
    const Scalar* constants;
    const Scalar* values;   ///< of leaves
    const uint32_t* words;  ///< sets of categories, a bit each
    const Scalar* points;
    const Scalar* weights;
    const Scalar* edges;  ///< null, or of each node left[q], right[q]: (1 - c) / (t + c (1 - t))
                          ///< for the share c of its feature in that child
    int32_t count;        ///< points
    int32_t outputs;      ///< numbers a leaf, and sums a feature
    int32_t depth;        ///< splits on the longest path
    int32_t entries;      ///< different features on the path with most
};

/// Some rows, a column each.
template <class Scalar>
struct Block {
    const int32_t* columns;  ///< [columns, stride]
    int64_t stride;          ///< rows, a multiple of the lanes of a vector
    Scalar* sums;            ///< [slots, outputs, stride], added to
    Scalar* reached;         ///< [outputs, stride], added to: values of the leaves reached
    std::byte* workspace;    ///< workspace_bytes, aligned to 64
};

/// Bytes of Block::workspace: for up to four vectors of 64 bytes side by side.
template <class Scalar>
int64_t workspace_bytes(const PathTree<Scalar>& tree) {
    const int64_t sums = tree.count + int64_t{tree.outputs} * (tree.count + 1);
    return 4 * 64 * ((tree.depth + 1) * sums + tree.entries);
}

}  // namespace whence::trees
