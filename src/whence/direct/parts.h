#pragma once
// What the two forms share. Private to this folder.

#include "whence/direct/direct.h"

namespace whence::direct {

std::shared_ptr<const MaskedScorer> read_dense(const graph::Graph& graph);
std::shared_ptr<const MaskedScorer> read_trees(const graph::Graph& graph);

/// The only input's name and number of columns, where it is a matrix of float32; else 0 columns.
struct MatrixInput {
    std::string name;
    int64_t columns = 0;
};
[[nodiscard]] MatrixInput matrix_input(const graph::Graph& graph);

/// Whether the masker's rows are such matrices, of finite numbers.
[[nodiscard]] bool fits(const LabelMasker& masker, int64_t columns);

}  // namespace whence::direct
