#pragma once
// A weighted sum of gradients at several points, as an ONNX Loop with the gradient graph as its body.

#include <string>
#include <vector>

#include "whence/graph/graph.h"

namespace whence::compile {

/// The gradient graph that becomes the body: its first output is the gradient.
struct LoopBody {
    graph::Graph gradient;
    std::string moving;  ///< the input that moves from point to point
    std::string index, minus;  ///< tensors of the outer graph that stand for its class inputs; "" if it has none
};

/// Point k is `start` + at[k] * `direction`: tensors of the outer graph (direction may have more rows
/// than one, at is a tensor of the outer graph whose first axis is k).
struct LoopPath {
    std::string start, direction, at;
    std::vector<double> weights;
};

/// Appends the Loop to `outer` and returns the name of sum_k weights[k] * gradient(point k). Constants
/// that both graphs hold are shared; the others of the body move to the outer graph. Other inputs of
/// the body are taken from the outer graph by name. Throws Error(unsupported) where the body itself
/// holds subgraphs that read it.
[[nodiscard]] std::string add_gradient_loop(graph::Graph& outer, LoopBody body, const LoopPath& path);

}  // namespace whence::compile
