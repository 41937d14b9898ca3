#pragma once
// Exact integration along the line for piecewise linear networks, by finding the linear pieces of
// the line (as Sotoudeh and Thakur 2019, "Computing linear restrictions of neural networks", who
// look inside the network for them).

#include "whence/gradients/line_path.h"

namespace whence::gradients {

struct PieceOptions {
    double tolerance = 1e-3;  ///< what counts as converged
    int64_t max_pieces = 4096;
};

/// One gradient for each linear piece. The kinks are found from outside: within a piece the
/// gradient does not change at all, and where two pieces meet their lines cross at the kink. Five
/// to twelve gradients a piece. Each piece is checked by the gradient at its middle, which is also the
/// one that is summed.
///
/// Throws Error(unsupported) with an estimate where the line has more than max_pieces pieces or the
/// model bends smoothly. Kinks nearer to each other than the rounding of the model's own numbers
/// count as one.
[[nodiscard]] PathIntegral integrate_pieces(LinePath& path, const PieceOptions& options);

}  // namespace whence::gradients
