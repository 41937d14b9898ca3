#pragma once
#include "whence_onnx.pb.h"

namespace whence::graph {

/// Replaces every call of a model-local function in the graph by the function's nodes, so that all
/// that follows sees operators alone. Tensors inside a function get the names "CALL#k/NAME". Calls
/// that cannot be written out stay, and ONNX Runtime runs them: within subgraphs, and of functions
/// that need another version of an operator set than the model. Throws Error(model) for functions
/// that call themselves, Error(limit) for what grows beyond all measure.
void inline_functions(onnx::ModelProto& model);

}  // namespace whence::graph
