#pragma once
#include "whence/core/model.h"
#include "whence/graph/graph.h"

namespace whence::runtime {

/// Names of the extra inputs of a gradient graph.
inline constexpr const char* index_input = "whence/index";
inline constexpr const char* minus_input = "whence/minus";

/// The graph that answers `request`. Inputs: the model's, then the class index where the request has
/// one, then the class subtracted. Outputs: the target per row, the class per row, the values, the
/// gradients. `forward` is of opset 18 or newer and annotated.
[[nodiscard]] graph::Graph gradient_graph(const graph::Graph& forward, const GradientRequest& request);

}  // namespace whence::runtime
