#pragma once
// Exact integration along the line for piecewise linear networks (Sotoudeh and Thakur 2019, "Computing
// linear restrictions of neural networks", integrate exactly by finding the linear pieces of a line).

#include "whence/gradients/line_path.h"

namespace whence::gradients {

struct PieceOptions {
    double tolerance = 1e-3;   ///< what counts as converged
    int64_t max_pieces = 4096;
};

/// One gradient for each linear piece. The kinks are found from outside: within a piece the gradient
/// does not change at all, and where exactly two pieces meet their lines cross at the kink. About four
/// evaluations a piece. Each piece is checked by the gradient at its middle, which is also the
/// one that is summed.
///
/// Throws Error(unsupported) with an estimate where the line has more than max_pieces pieces or the
/// model bends smoothly. Kinks nearer to each other than the rounding of the model's own numbers
/// count as one.
[[nodiscard]] PathIntegral integrate_pieces(LinePath& path, const PieceOptions& options);

}  // namespace whence::gradients
