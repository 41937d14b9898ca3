#pragma once

#include <vector>

namespace whence::trees {

/// Nodes and weights of a rule on [0, 1].
struct Quadrature {
    std::vector<double> nodes;
    std::vector<double> weights;
};

/// The Gauss-Legendre rule with `count` >= 1 points: exact for polynomials of degree 2 count - 1.
/// Newton's method on the Legendre recurrence (Press et al., "Numerical Recipes", gauleg).
[[nodiscard]] Quadrature gauss_legendre(int count);

}  // namespace whence::trees
