#pragma once
#include "whence/core/run.h"
#include "whence/graph/graph.h"

namespace whence::runtime {

/// Fills Graph::values with the types and shapes of all tensors. ONNX Runtime infers them; where it
/// cannot tell even the rank, a run on made-up rows does (if the inputs' lengths allow one).
/// `run` stops it. So are those inside bodies.
void annotate(graph::Graph& graph, const Run& run);

/// The graph that gradients are built from: of opset 18 or newer, annotated, written in operators with a rule
/// as far as may be.
[[nodiscard]] graph::Graph canonical(graph::Graph graph, const Run& run);

/// Rows of made-up values for every input of the graph: uniform numbers in [0, 1] for floats, zeros
/// and empty text for the rest. Unknown lengths other than the batch become 1.
[[nodiscard]] std::vector<Tensor> made_up_inputs(const graph::Graph& graph, int64_t rows);

}  // namespace whence::runtime
