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
    int64_t rank = 2;
};
[[nodiscard]] MatrixInput matrix_input(const graph::Graph& graph);
/// The same of an input of any shape [rows, ...] that the first node flattens.
[[nodiscard]] MatrixInput flattened_input(const graph::Graph& graph);

/// Whether the masker's rows are of this form, and of finite numbers.
[[nodiscard]] bool fits(const LabelMasker& masker, const MatrixInput& form);

}  // namespace whence::direct
