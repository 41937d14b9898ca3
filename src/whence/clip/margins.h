#pragma once
// The nearest point that keeps several margins at once: a small quadratic program, solved exactly.

#include <optional>
#include <span>
#include <vector>

#include "whence/core/tensor.h"

namespace whence::clip {

struct MarginPoint {
    std::vector<double> point;        ///< e = from + sum_j multipliers_j row_j
    std::vector<double> multipliers;  ///< at least 0; 0 where the margin is not what holds it back
};

/// Minimises |e - from| subject to row_j . e >= least_j for all j, e anywhere in space. The problem
/// is brought to the least distance from the origin and that to least squares with coefficients not
/// below zero, by a finite active-set method (Lawson, Hanson 1974, "Solving least squares
/// problems", chapter 23). None where no point keeps all margins, or where rounding spoils the
/// answer: what is returned keeps every margin to 1e-9 of the longest row. Where `least` is not
/// below zero and |e| not above 1, e / |e| keeps them too: dividing by a length below 1 only raises
/// row_j . e.
///
/// rows: [margins, width], of length about 1. Cost: margins * width for each step; about as many
/// steps as margins that hold.
[[nodiscard]] std::optional<MarginPoint> nearest_with_margins(std::span<const double> from,
                                                              MatrixView<const double> rows,
                                                              std::span<const double> least);

}  // namespace whence::clip
