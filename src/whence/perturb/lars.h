#pragma once
// The lasso path by least angle regression (Efron, Hastie, Johnstone, Tibshirani 2004, "Least angle
// regression", section 3.1): the exact solution at every penalty where the set of features changes.

#include <vector>

#include "whence/perturb/moments.h"

namespace whence::perturb {

enum class PathKind {
    lasso,        ///< a coefficient that comes back to zero drops out
    least_angle,  ///< what is in stays in
};

/// Coefficients at each knot of the path, from all zero (first) to least squares (last). Features
/// that are (nearly) a combination of those already in stay out. Of the moments it reads gram and
/// cross alone.
[[nodiscard]] std::vector<Eigen::VectorXd> lasso_path(const Moments& moments,
                                                      PathKind kind = PathKind::lasso);

}  // namespace whence::perturb
