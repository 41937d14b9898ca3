#pragma once
// Draw, ask the model, fit: the part of LIME that is the same for pictures and tables.

#include "whence/core/evaluator.h"
#include "whence/core/explanation.h"
#include "whence/perturb/surrogate.h"

namespace whence::perturb {

struct FitOptions {
    int64_t num_samples, num_features;
    double ridge;
    FeatureSelection feature_selection;
    int64_t settle_top;
};

struct LocalFit {
    Surrogate surrogate;
    std::vector<double> standard_errors;  ///< of its coefficients; empty for too few samples
    int64_t samples = 0;
    std::optional<bool> settled;  ///< where settling was asked for
    bool constant = false;        ///< the model gave all samples the same answer
    std::string ended;            ///< why there are fewer samples than wanted; empty: there are not
};

/// Throws Error(usage) unless there are at least 2 samples, 1 feature and no negative number.
void check(const FitOptions& options, double kernel_width);

/// Samples `neighbourhood` around `input`, all num_samples or until the leading weights are
/// settled, or as far as the model could be asked, if that gave two samples or more. Throws
/// Error(model) if an answer is not finite. `names` of the features, where they have some, are told
/// to the run's watcher.
[[nodiscard]] LocalFit fit_around(Evaluator& evaluator, const Batch& input,
                                  const Neighbourhood& neighbourhood, const FitOptions& options,
                                  const std::vector<std::string>& names = {});

/// The first `top` weights are in order, each further from the next than 1.96 standard errors of
/// their difference (taken as independent), so that chance reorders them in fewer than 1 of 20
/// cases.
[[nodiscard]] bool ranking_settled(std::span<const double> weights, std::span<const double> errors,
                                   int64_t top);

/// What both explainers write down alike: intercept, diagnostics and their notes.
void describe_fit(Explanation& explanation, const LocalFit& fit,
                  const Neighbourhood& neighbourhood);

/// Provenance options both share, in the order of the documentation.
[[nodiscard]] std::vector<Option> describe_options(const FitOptions& options, double kernel_width,
                                                   LimeScheme scheme);

}  // namespace whence::perturb
