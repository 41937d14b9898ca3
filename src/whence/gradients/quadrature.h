#pragma once
// Nodes and weights on [0, 1] for a fixed number of steps.

#include <cstdint>
#include <string_view>
#include <vector>

namespace whence::gradients {

enum class QuadratureRule {
    midpoint,        ///< centres of equal cells: as good as any on piecewise linear networks
    gauss_legendre,  ///< exact for polynomials of degree 2n - 1: better where the model is smooth
    trapezoid,       ///< both ends included, weighted by half a cell
};

/// "midpoint", "gauss-legendre", "trapezoid".
[[nodiscard]] std::string_view name(QuadratureRule rule);
/// Throws Error(usage) naming the choices.
[[nodiscard]] QuadratureRule parse_rule(std::string_view text);

struct Quadrature {
    std::vector<double> nodes;    ///< ascending
    std::vector<double> weights;  ///< sum to 1
};

/// Throws Error(usage) for fewer than one step (trapezoid: two).
[[nodiscard]] Quadrature quadrature(QuadratureRule rule, int64_t steps);

}  // namespace whence::gradients
