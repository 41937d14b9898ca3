#pragma once
#include "whence/graph/passes/expansion.h"

namespace whence::graph {

/// Attention of opset 23 and newer as products and a softmax:
/// softmax(scale q k^T + bias) v (Vaswani et al. 2017, equation 1).
std::vector<std::string> attention(const Expansion& e);

}  // namespace whence::graph
