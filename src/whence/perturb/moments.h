#pragma once
// Weighted first and second moments of a design and its targets: all that least squares, feature
// selection and the lasso path need to know of them.

#include <Eigen/Core>
#include <span>

#include "whence/perturb/design.h"

namespace whence::perturb {

struct Moments {
    double weight = 0;     ///< sum of the weights
    Eigen::VectorXd mean;  ///< weighted mean of each feature
    double target_mean = 0;
    Eigen::MatrixXd gram;      ///< sum w (z - mean)(z - mean)^T
    Eigen::VectorXd cross;     ///< sum w (z - mean)(y - target_mean)
    double target_square = 0;  ///< sum w (y - target_mean)^2
};

/// Of the first targets.size() rows. Features of 0 and 1 with unit weights are counted 64 rows at a
/// time; everything else is summed in double about the mean.
[[nodiscard]] Moments moments(const Design& design, std::span<const double> targets);

/// One column for each cluster of `size` neighbouring rows: its sum of w e (z - mean), `residuals`
/// being the e, for the `features` alone.
[[nodiscard]] Eigen::MatrixXd clustered_scores(const Design& design, const Moments& moments,
                                               std::span<const double> residuals,
                                               std::span<const int32_t> features, int64_t size);

}  // namespace whence::perturb
