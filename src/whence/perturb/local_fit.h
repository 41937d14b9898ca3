#pragma once
// Draw, ask the model, fit: the part of LIME that is the same for pictures, tables and texts.

#include <functional>

#include "whence/core/evaluator.h"
#include "whence/core/explanation.h"
#include "whence/perturb/kernel.h"
#include "whence/perturb/local_tree.h"

namespace whence::perturb {

struct FitOptions {
    int64_t num_samples, num_features;
    double ridge;
    FeatureSelection feature_selection;
    int64_t settle_top;
    LocalModel local_model = LocalModel::ridge;
    double lasso = 0.01;
    int64_t tree_depth = 3;
};

/// Those of any of LIME's options.
template <class Options>
[[nodiscard]] FitOptions fit_options(const Options& o) {
    return {o.num_samples, o.num_features, o.ridge, o.feature_selection,
            o.settle_top,  o.local_model,  o.lasso, o.tree_depth};
}

struct LocalFit {
    Surrogate surrogate;
    std::vector<double> standard_errors;  ///< of its coefficients; empty for too few samples
    std::vector<LocalLeaf> leaves;        ///< of a local tree
    double local_prediction = 0;          ///< of the local model at the input, in the answer's units
    int64_t samples = 0;
    std::optional<bool> settled;  ///< where settling was asked for
    bool constant = false;        ///< the model gave all samples the same answer
    std::string ended;            ///< why there are fewer samples than wanted; empty: there are not
    bool converged = true;        ///< of a fit by steps
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

/// What all explainers write down alike: intercept, diagnostics and their notes.
void describe_fit(Explanation& explanation, const LocalFit& fit, LocalModel local_model);

/// The leaves of a local tree, the one that the input is in first; `describe` says a test of one
/// feature in words, with its place in the attribution.
[[nodiscard]] std::vector<LocalRule> local_rules(
    const LocalFit& fit, const std::function<Rule::Condition(const Condition&)>& describe);

/// Provenance options all share, in the order of the documentation.
[[nodiscard]] std::vector<Option> describe_options(const FitOptions& options, const Kernel& kernel,
                                                   LimeScheme scheme);

}  // namespace whence::perturb
