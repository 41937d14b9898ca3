#pragma once
// Which of a model's columns each number of a tensor is computed from.

#include <string>
#include <vector>

#include "whence/graph/graph.h"

namespace whence::graph {

/// What one number of a row of a tensor is computed from.
struct Sources {
    std::vector<int64_t> columns;    ///< ascending
    const Node* mixed_by = nullptr;  ///< the first node that brought two of them together
};

/// For each number in a row of `tensor`, what it is computed from; one that stands for all where
/// nobody knows how many there are, none for what no input leads to. The model's columns are
/// counted through its inputs: `columns` of an only input, else one for each input. Operators that
/// treat columns alone, choose or join them (what encoders of tables are written in) are known; any
/// other operator makes all that it reads part of all that it makes. So nothing is left out, and an
/// operator that reads one column is right whatever it is.
[[nodiscard]] std::vector<Sources> sources_of(const Graph& graph, const std::string& tensor,
                                              int64_t columns);

}  // namespace whence::graph
