#pragma once
// What the kernels of interventional values are given. They walk the programs of path_program.h
// (one number a leaf) and need none of their constants. Plain data, as there.

#include <cstdint>

#include "whence/trees/shap/path_program.h"

namespace whence::trees {

/// One row against a background: each lane is a background row.
template <class Scalar>
struct PairBlock {
    const int32_t* row;         ///< [columns]
    const int32_t* background;  ///< [columns, stride]
    const Scalar* weights;      ///< [stride], 0 beyond the last row
    int64_t stride;
    /// [z, p], width `players` + 1: weights of a coalition for a feature only the row satisfies,
    /// and for one that only the background row satisfies, where p and z are their numbers; then,
    /// for interactions, for two features of the one kind and two of the other. Then 16 numbers
    /// that are read and not used.
    const Scalar *gain, *loss, *gains, *losses;
    int64_t players;
    int64_t slots;
    Scalar* sums;  ///< [slots, lanes], or of interactions [slots, slots, lanes]; added to
};

/// Rows against tables: each lane is a row to explain (or, to count, of the background).
template <class Scalar>
struct TableBlock {
    const int32_t* columns;  ///< [columns, stride]
    int64_t stride;
    /// By leaf: where its numbers begin. Of a leaf with d features on the path its patterns, 2^d,
    /// to count; its tables, one for each feature (or pair of features) on the path, to add.
    const int64_t* starts;
    const Scalar* tables;
    Scalar* sums;  ///< [slots, stride], added to
};

/// Counts the rows of a background by the splits they satisfy.
struct CountBlock {
    const int32_t* columns;
    int64_t stride;
    const int64_t* starts;
    const double* weights;  ///< [stride]
    double* counts;         ///< added to
};

}  // namespace whence::trees
