#pragma once
#include "whence/graph/gradient/rules.h"

namespace whence::graph {

/// Gradient of a 2-D max pool by comparing each tap of the window with its maximum, in operators that
/// keep ONNX Runtime's blocked layout (a pool with indices leaves it, and is slow). False where that
/// form does not fit: unknown lengths, large windows, padding around values that may be negative.
bool max_pool_by_taps(Backward& n);

}  // namespace whence::graph
