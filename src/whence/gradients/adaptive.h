#pragma once
// Integration along the line with as many gradients as the tolerance asks for.

#include "whence/gradients/line_path.h"

namespace whence::gradients {

struct AdaptiveOptions {
    double tolerance = 1e-3;
    int64_t max_steps = 1024;
};

/// Trapezoid rule on 8 intervals, each halved further on its own where that helps most; every
/// gradient is used and none is kept.
///
/// Two errors steer it, each known per interval. The residual: integral of the slope minus change
/// of the output, exact. The map: L1 distance of the estimate to the true integral, from the
/// midpoint minus the trapezoid sum of the same cells. The second is what the map's user cares
/// about: the sum of a hundred thousand attributions may hit its target while each of them is
/// wrong.
[[nodiscard]] PathIntegral integrate_adaptively(LinePath& path, const AdaptiveOptions& options);

}  // namespace whence::gradients
