#pragma once
// The second copy of a graph, which runs on a reference: what DeepLIFT compares with.

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "whence/graph/graph.h"

namespace whence::graph {

struct Reference {
    std::vector<std::string> originals;  ///< the inputs that are compared
    std::vector<std::string> inputs;     ///< the references of them, in the same order
    /// Name of the copy of every tensor that follows one of the inputs; empty: it cannot be copied.
    std::unordered_map<std::string, std::string> copies;

    /// True if the tensor may differ between the input and the reference.
    [[nodiscard]] bool differs(const std::string& tensor) const {
        return copies.count(tensor) != 0;
    }
    /// The tensor as it is for the reference: its copy, or itself where nothing differs.
    [[nodiscard]] const std::string& of(const std::string& tensor) const {
        const auto found = copies.find(tensor);
        return found == copies.end() ? tensor : found->second;
    }
};

/// Name of the input that holds the reference of input `name`.
[[nodiscard]] std::string reference_name(const std::string& name);

/// Copies every node that follows one of `inputs`, fed by new inputs of the same type and shape
/// (call reference_name), appended to the graph's. Lengths are taken to be those of the inputs:
/// what follows a shape alone is not copied. Nodes with subgraphs are not copied either.
[[nodiscard]] Reference add_reference(Graph& graph, const std::vector<std::string>& inputs);

}  // namespace whence::graph
