#pragma once
// Logistic regression of answers that are probabilities, as a local model.

#include "whence/perturb/surrogate.h"

namespace whence::perturb {

struct LogisticFit {
    Surrogate surrogate;  ///< weights in log-odds; r2 that of the probabilities
    std::vector<double> standard_errors;  ///< as of a linear surrogate
    bool converged = false;
};

/// Minimises sum w (-y log p - (1 - y) log(1 - p)) + ridge / 2 |b|^2, p = 1 / (1 + exp(-b0 - b z)),
/// b0 free, by Newton steps (iteratively reweighted least squares: McCullagh and Nelder 1989,
/// section 2.5; answers that are no 0 or 1 as in Papke and Wooldridge 1996). The same as
/// scikit-learn's LogisticRegression with C = 1 / ridge and each sample once as 1 with weight w y
/// and once as 0 with weight w (1 - y). Throws Error(unsupported) for answers outside [0, 1]. Cost:
/// rows x features^2 for each of a few steps.
[[nodiscard]] LogisticFit fit_logistic(const Design& design, std::span<const double> answers,
                                       std::vector<int32_t> features, double ridge,
                                       int64_t cluster);

/// 1 / (1 + exp(-log_odds)).
[[nodiscard]] double probability_of(double log_odds);

}  // namespace whence::perturb
