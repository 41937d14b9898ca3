#pragma once
#include "whence/graph/passes/expansion.h"

namespace whence::graph {

/// Attention of opset 23 and newer as products and a softmax:
/// softmax(scale q k^T + bias) v (Vaswani et al. 2017, equation 1).
std::vector<std::string> attention(const Expansion& e);
/// The same of ONNX Runtime's com.microsoft: MultiHeadAttention, and Attention, which projects its input first.
std::vector<std::string> multi_head_attention(const Expansion& e);
std::vector<std::string> fused_projection_attention(const Expansion& e);

}  // namespace whence::graph
