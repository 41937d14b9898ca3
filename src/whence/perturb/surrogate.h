#pragma once
// The local model: which features it keeps, its weights, and how sure they are.

#include <span>
#include <vector>

#include "whence/perturb/lime.h"
#include "whence/perturb/moments.h"

namespace whence::perturb {

struct Surrogate {
    std::vector<int32_t> features;     ///< kept, largest |weight| first
    std::vector<double> coefficients;  ///< of those
    double intercept = 0;              ///< of a linear model
    double r2 = 0;  ///< weighted; 1 where the targets are all the same, as scikit-learn counts it
    /// What is linear in the features at one point of the interpretable space (all features, not
    /// only those kept).
    [[nodiscard]] double at(std::span<const double> point) const;
};

/// The features to keep, at most `num_features` unless `selection` is none. `origin`: the input as
/// the surrogate sees it.
[[nodiscard]] std::vector<int32_t> select_features(const Moments& moments,
                                                   std::span<const double> origin,
                                                   FeatureSelection selection,
                                                   int64_t num_features);

/// Weighted least squares on `features` with penalty `ridge` |b|^2, intercept free.
[[nodiscard]] Surrogate fit(const Moments& moments, std::vector<int32_t> features, double ridge);

/// Least squares with penalty `lasso` |b|_1, the sum of squares over twice the sum of weights
/// (scikit-learn's scale), intercept free: the point of the lasso path at this penalty.
[[nodiscard]] Surrogate fit_lasso(const Moments& moments, const std::vector<int32_t>& features,
                                  double lasso);

/// Its features and coefficients in the order of falling |weight|.
void put_in_order(Surrogate& surrogate);

/// Standard errors of the coefficients by the sandwich A^-1 B A^-1, A = gram + ridge, B = sum of s
/// s^T over clusters of `cluster` rows (2: antithetic pairs), s = sum of w e (z - mean) in the
/// cluster, e the residuals; times n / (n - k - 1) for k features (HC1: MacKinnon, White 1985). It
/// holds whatever the true function is, and errs on the large side where samples are stratified.
/// Empty for less than two samples more than features. Of the spread of samples alone: the bias of
/// the ridge term is not in it.
[[nodiscard]] std::vector<double> standard_errors(const Design& design,
                                                  std::span<const double> targets,
                                                  const Moments& moments,
                                                  const Surrogate& surrogate, double ridge,
                                                  int64_t cluster);

}  // namespace whence::perturb
