#pragma once
#include "whence/core/model.h"
#include "whence/graph/graph.h"

namespace whence::runtime {

/// Names of the extra inputs of a gradient graph.
inline constexpr const char* index_input = "whence/index";
inline constexpr const char* minus_input = "whence/minus";
inline constexpr const char* direction_input = "whence/direction/";  ///< and the tensor's name

/// The graph that answers `request`. Inputs: the model's, then (deep_lift) the references of
/// compared_inputs, then the class index where the request has one, then the class subtracted.
/// Outputs: the target per row, the class per row, (deep_lift) the reference's target per row, the
/// values, the gradients. `forward` is of opset 18 or newer and annotated; `run` stops what it takes to
/// annotate what is made of it. `twice`: a direction for each gradient is one more input, after all
/// others, and the products of the Hessian with them are further outputs, after the gradients.
[[nodiscard]] graph::Graph gradient_graph(const graph::Graph& forward, const GradientRequest& request, const Run& run,
                                          bool twice = false);

/// Names of the inputs that deep_lift compares with a reference: those that hold numbers with a
/// fraction. Others (token ids, masks) carry no attribution: the reference shares them.
[[nodiscard]] std::vector<std::string> compared_inputs(const graph::Graph& graph);

}  // namespace whence::runtime
