#pragma once
// Passes that write an operator as several simpler ones.

#include <functional>

#include "whence/graph/builder.h"
#include "whence/graph/graph.h"

namespace whence::graph {

/// z = (t - mean) inverse, inverse = 1 / sqrt(variance + epsilon)
struct Standardised {
    std::string z, mean, inverse;
};

/// A node to be written in simpler operators: nodes are appended through the builder.
struct Expansion {
    Builder& b;
    const Node& node;
    std::optional<ElementType> computes =
        std::nullopt;  ///< in what type, where not in that of input 0

    [[nodiscard]] const std::string& x(
        size_t i = 0) const;                 ///< throws Error(model) if it is left out
    [[nodiscard]] ElementType type() const;  ///< of input 0; float32 where unknown
    [[nodiscard]] std::string scalar(double value) const { return b.scalar(value, type()); }
    /// Refuses if it is unknown.
    [[nodiscard]] int64_t rank(const std::string& tensor) const;
    /// Axes from `axis` (negative: from the end) to the last one.
    [[nodiscard]] std::vector<int64_t> axes_from(int64_t axis) const;
    /// A vector of one value for each channel as [C, 1, 1, ...], beside a tensor of that rank.
    [[nodiscard]] std::string per_channel(const std::string& vector, int64_t rank) const;
    /// 1 / sqrt(t + epsilon)
    [[nodiscard]] std::string inverse_root(const std::string& t, double epsilon) const;
    /// t less its mean, over its standard deviation, along axes.
    [[nodiscard]] Standardised standardised(const std::string& t, const std::vector<int64_t>& axes,
                                            double epsilon) const;
    /// Leaves the node as it is.
    [[noreturn]] void refuse(const std::string& why) const;
};

/// Returns the tensors that take the place of the node's outputs; "" keeps an output undefined,
/// which is an error if anybody uses it.
using Expand = std::vector<std::string> (*)(const Expansion&);

/// Rewrites the nodes for which `find` returns a way. True if there was one.
bool expand_nodes(Graph& graph, const std::function<Expand(const Graph&, const Node&)>& find);

}  // namespace whence::graph
