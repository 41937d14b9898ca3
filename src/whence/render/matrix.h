#pragma once
// Interactions as a matrix of colours.

#include "whence/render/chart.h"

namespace whence::render {

/// A square for each pair of the `top` features that take part most (largest |row|, summed), named
/// at the left and numbered above: what both do only together off the diagonal (each pair appears
/// twice, each time half of it), what each does alone in it. Signed, symmetric colours whose bar has
/// numbers. Throws Error(usage) where the explanation has no interactions.
[[nodiscard]] std::vector<std::byte> interaction_matrix(const Explanation& explanation,
                                                        const ChartOptions& options = {});

}  // namespace whence::render
