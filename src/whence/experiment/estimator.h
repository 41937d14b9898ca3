#pragma once
// LIME and KernelSHAP as matrices.
//
// Both ask the model about coalitions that do not depend on what it answers, and fit a linear model
// whose weights depend on the coalitions alone. So their values are a fixed matrix times the
// answers, and all explanations with as many players share coalitions and matrix. Whoever explains
// thousands of inputs draws and solves once.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/tensor.h"

namespace whence::experiment {

struct Estimator {
    int64_t players = 0, coalitions = 0;
    std::vector<uint8_t> masks;         ///< [coalitions][players]: 1 where the player is there
    std::vector<double> matrix;         ///< [players][coalitions]
    int64_t nobody = 0, everybody = 0;  ///< which coalitions they are
    double least = 0;                   ///< values below it in size are written 0

    [[nodiscard]] MatrixView<const uint8_t> view() const {
        return {masks.data(), coalitions, players};
    }
    /// values = matrix * answers: answers [inputs][coalitions], values [inputs][players].
    [[nodiscard]] std::vector<double> values(MatrixView<const double> answers) const;
};

/// What LimeImage(scheme compatible, ridge, all features) fits, for the seed: the same values up to
/// rounding. Nobody is asked besides, and counts nothing. Throws Error(usage) as LimeImage.
[[nodiscard]] Estimator lime_estimator(int64_t players, int64_t samples, double kernel_width,
                                       uint64_t seed);

/// What estimate(game, KernelShap{compatible, l1-reg none}) fits, for the seed: the same values up
/// to rounding. `samples` 0: 2 M + 2048.
[[nodiscard]] Estimator kernel_shap_estimator(int64_t players, int64_t samples, uint64_t seed);

}  // namespace whence::experiment
