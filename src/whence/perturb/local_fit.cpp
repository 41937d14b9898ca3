#include "whence/perturb/local_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "whence/core/error.h"
#include "whence/perturb/logistic.h"

namespace whence::perturb {
namespace {

constexpr int64_t first_check = 128;  // then 256, 512, ...
constexpr double two_sided_95 = 1.96;

[[noreturn]] void refuse(const std::string& message) {
    throw Error(ErrorKind::usage, message);
}

void check_answers(std::span<const double> answers) {
    for (const double answer : answers)
        if (!std::isfinite(answer))
            throw Error(ErrorKind::model,
                        fmt::format("the model answered {} to a sample near the input; "
                                    "LIME cannot fit that",
                                    std::isnan(answer) ? "NaN" : "infinity"));
}

void fit_linear(const Design& design, std::span<const double> answers, const Moments& m,
                std::vector<int32_t> features, const Neighbourhood& neighbourhood,
                const FitOptions& options, LocalFit& out) {
    if (options.local_model == LocalModel::lasso) {
        out.surrogate = fit_lasso(m, features, options.lasso);
    } else {
        out.surrogate = fit(m, std::move(features), options.ridge);
        out.standard_errors = standard_errors(design, answers, m, out.surrogate, options.ridge,
                                              neighbourhood.paired() ? 2 : 1);
    }
    out.local_prediction = out.surrogate.at(neighbourhood.origin());
}

LocalFit fit_samples(const Design& design, std::span<const double> answers,
                     const Neighbourhood& neighbourhood, const FitOptions& options,
                     const Run& run) {
    const Moments m = moments(design, answers);
    LocalFit out{.samples = static_cast<int64_t>(answers.size()),
                 .constant = std::ranges::min(answers) == std::ranges::max(answers)};
    std::vector<int32_t> features = select_features(
        m, neighbourhood.origin(), options.feature_selection, options.num_features);
    if (options.local_model == LocalModel::tree) {
        LocalTree tree = fit_local_tree(design, answers, neighbourhood.origin(), features,
                                        options.tree_depth, run);
        out.surrogate = std::move(tree.surrogate);
        out.leaves = std::move(tree.leaves);
        out.local_prediction = tree.at_input;
    } else if (options.local_model == LocalModel::logistic) {
        LogisticFit logistic = fit_logistic(design, answers, std::move(features), options.ridge,
                                            neighbourhood.paired() ? 2 : 1);
        out.surrogate = std::move(logistic.surrogate);
        out.standard_errors = std::move(logistic.standard_errors);
        out.converged = logistic.converged;
        out.local_prediction = probability_of(out.surrogate.at(neighbourhood.origin()));
    } else {
        fit_linear(design, answers, m, std::move(features), neighbourhood, options, out);
    }
    return out;
}

bool has_standard_errors(LocalModel model) {
    return model == LocalModel::ridge || model == LocalModel::logistic;
}

const char* why_no_sum(LocalModel model) {
    switch (model) {
        case LocalModel::logistic:
            return "LIME's weights are slopes of a local model, here in log-odds; they do not claim "
                   "to sum to f(x) - f(baseline)";
        case LocalModel::tree:
            return "the values are shares of what a local tree explains, without a sign; its rules "
                   "say in which direction";
        default:
            return "LIME's weights are slopes of a local model; they do not claim to sum to f(x) - "
                   "f(baseline)";
    }
}

// Fits the samples there are each time their number has doubled, where somebody wants to know.
class Watcher {
  public:
    Watcher(const Run& run, const Design& design, const std::vector<double>& before,
            const Neighbourhood& neighbourhood, const FitOptions& options,
            const std::vector<std::string>& names)
        : run_(run),
          design_(design),
          before_(before),
          neighbourhood_(neighbourhood),
          options_(options),
          names_(names) {}

    // `seen`: the answers after `before`.
    void look(std::span<const double> seen) {
        const auto count = static_cast<int64_t>(before_.size() + seen.size());
        if (!run_.early || count < next_) return;
        next_ = 2 * count;
        std::vector<double> answers = before_;
        answers.insert(answers.end(), seen.begin(), seen.end());
        if (!std::ranges::all_of(answers, [](double v) { return std::isfinite(v); })) return;
        const LocalFit fitted = fit_samples(design_, answers, neighbourhood_, options_, run_);
        if (fitted.surrogate.features.empty()) return;
        const int32_t top = fitted.surrogate.features[0];
        run_.early({.feature = top,
                    .name = names_.empty() ? "" : names_.at(top),
                    .value = fitted.surrogate.coefficients[0],
                    .standard_error = fitted.standard_errors.empty()
                                          ? std::numeric_limits<double>::quiet_NaN()
                                          : fitted.standard_errors[0]});
    }

  private:
    const Run& run_;
    const Design& design_;
    const std::vector<double>& before_;
    const Neighbourhood& neighbourhood_;
    const FitOptions& options_;
    const std::vector<std::string>& names_;
    int64_t next_ = first_check / 2;
};

}  // namespace

void check(const FitOptions& options, double kernel_width) {
    if (options.num_samples < 2)
        refuse(
            fmt::format("num-samples is {}; LIME needs at least 2 samples", options.num_samples));
    if (options.num_features < 1)
        refuse(fmt::format("num-features is {}; it must be at least 1", options.num_features));
    if (!(kernel_width > 0) || !std::isfinite(kernel_width))
        refuse(fmt::format("kernel-width is {}; it must be above 0", kernel_width));
    if (!(options.ridge >= 0) || !std::isfinite(options.ridge))
        refuse(fmt::format("ridge is {}; it must not be negative", options.ridge));
    if (options.settle_top < 0)
        refuse(fmt::format("settle-top is {}; it must not be negative", options.settle_top));
    if (options.settle_top > 0 && !has_standard_errors(options.local_model))
        refuse(fmt::format("settle-top needs standard errors, and {} as the local model has none",
                           name(options.local_model)));
    if (!(options.lasso >= 0) || !std::isfinite(options.lasso))
        refuse(fmt::format("lasso is {}; it must not be negative", options.lasso));
    if (options.tree_depth < 1 || options.tree_depth > 10)
        refuse(fmt::format("tree-depth is {}; it must be from 1 to 10", options.tree_depth));
}

LocalFit fit_around(Evaluator& evaluator, const Batch& input, const Neighbourhood& neighbourhood,
                    const FitOptions& options, const std::vector<std::string>& names) {
    Design design = neighbourhood.blank(options.num_samples);
    std::vector<double> answers;
    Watcher watcher(evaluator.run(), design, answers, neighbourhood, options, names);
    const bool settling = options.settle_top > 0;
    int64_t until = settling ? std::min(first_check, options.num_samples) : options.num_samples;
    while (true) {
        const auto done = static_cast<int64_t>(answers.size());
        const auto fill = [&](int64_t first, Batch& rows) {
            neighbourhood.draw(done + first, design, rows, evaluator.run());
        };
        std::vector<double> more;
        std::string ended;
        try {
            more = evaluator.scores(input, until - done, fill, "lime",
                                    [&](std::span<const double> seen) { watcher.look(seen); });
        } catch (const OutOfReach& why) {
            more = why.answered();
            if (neighbourhood.paired() && more.size() % 2 == 1) more.pop_back();
            if (done + more.size() < 2) throw;
            ended = why.what();
        }
        check_answers(more);
        answers.insert(answers.end(), more.begin(), more.end());
        LocalFit fitted = fit_samples(design, answers, neighbourhood, options, evaluator.run());
        fitted.ended = ended;
        if (settling)
            fitted.settled = ranking_settled(fitted.surrogate.coefficients, fitted.standard_errors,
                                             options.settle_top);
        if (until == options.num_samples || fitted.settled.value_or(false) || !ended.empty())
            return fitted;
        until = std::min(2 * until, options.num_samples);
    }
}

bool ranking_settled(std::span<const double> weights, std::span<const double> errors, int64_t top) {
    if (errors.size() != weights.size()) return false;
    for (size_t i = 0; i + 1 < weights.size() && static_cast<int64_t>(i) < top; ++i) {
        const double gap = std::abs(weights[i]) - std::abs(weights[i + 1]);
        if (!(gap > two_sided_95 * std::hypot(errors[i], errors[i + 1]))) return false;
    }
    return true;
}

void describe_fit(Explanation& explanation, const LocalFit& fit, LocalModel local_model) {
    if (local_model != LocalModel::tree)
        explanation.attribution.intercept = fit.surrogate.intercept;
    Diagnostics& diagnostics = explanation.diagnostics;
    diagnostics.no_error_because = why_no_sum(local_model);
    diagnostics.surrogate_r2 = fit.surrogate.r2;
    diagnostics.local_prediction = fit.local_prediction;
    diagnostics.converged = fit.settled;
    if (!fit.ended.empty()) {
        diagnostics.converged = false;
        diagnostics.notes.push_back(
            fmt::format("stopped early, after {} samples: {}", fit.samples, fit.ended));
    }
    if (fit.constant) {
        diagnostics.notes.push_back(
            "the model gave every sample the same answer: nothing to explain");
        return;
    }
    if (!fit.converged)
        diagnostics.notes.push_back(
            "the local model did not converge: some features decide alone; raise ridge");
    if (!has_standard_errors(local_model))
        diagnostics.notes.push_back(fmt::format(
            "{} as the local model gives no standard errors: try other seeds", name(local_model)));
    else if (fit.standard_errors.empty())
        diagnostics.notes.push_back(
            "too few samples for standard errors: take more than there are features");
    else if (!fit.surrogate.coefficients.empty() &&
             std::ranges::max(fit.standard_errors) > 0.5 * std::abs(fit.surrogate.coefficients[0]))
        diagnostics.notes.push_back(
            "standard errors are larger than half of the leading weight: take more samples");
    if (fit.settled && !*fit.settled)
        diagnostics.notes.push_back(fmt::format(
            "the order of the leading weights is not settled after {} samples", fit.samples));
}

std::vector<LocalRule> local_rules(
    const LocalFit& fit, const std::function<Rule::Condition(const Condition&)>& describe) {
    std::vector<LocalRule> out;
    for (const LocalLeaf& leaf : fit.leaves) {
        out.push_back({.value = leaf.value, .share = leaf.share, .holds_here = leaf.holds_here});
        for (const Condition& condition : leaf.conditions)
            out.back().conditions.push_back(describe(condition));
    }
    std::ranges::stable_partition(out, &LocalRule::holds_here);
    return out;
}

std::vector<Option> describe_options(const FitOptions& options, const Kernel& kernel,
                                     LimeScheme scheme) {
    return {{"num-samples", options.num_samples},
            {"num-features", options.num_features},
            {"kernel-width", kernel.width},
            {"kernel", std::string(kernel.function ? "function" : "exponential")},
            {"ridge", options.ridge},
            {"feature-selection", std::string(name(options.feature_selection))},
            {"scheme", std::string(name(scheme))},
            {"local-model", std::string(name(options.local_model))},
            {"lasso", options.lasso},
            {"tree-depth", options.tree_depth},
            {"distance", std::string(name(kernel.distance))},
            {"settle-top", options.settle_top}};
}

}  // namespace whence::perturb
