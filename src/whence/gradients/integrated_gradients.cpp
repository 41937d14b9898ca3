#include "whence/gradients/integrated_gradients.h"

#include <cmath>

#include "whence/core/error.h"
#include "whence/gradients/adaptive.h"
#include "whence/gradients/options.h"
#include "whence/gradients/pieces.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

void require(bool sensible, const char* message) {
    if (!sensible) throw Error(ErrorKind::usage, std::string("integrated gradients: ") + message);
}

PathIntegral integrate_fixed(LinePath& path, const IntegratedGradientsOptions& options) {
    const Quadrature rule = quadrature(options.rule, options.steps);
    const double ends[] = {1, 0};
    PathIntegral integral{.gradient = std::vector<double>(path.direction().size(), 0.0)};
    path.expect(2 + options.steps);
    integral.value = path.values({&ends[0], 1})[0];  // alone: it tells the top class
    integral.baseline_value = path.values({&ends[1], 1})[0];
    double slope = 0;
    size_t node = 0;
    path.expect(options.steps);
    path.gradients(rule.nodes, [&](const PathPoint& point) {
        const double weight = rule.weights[node++];
        for (size_t i = 0; i < integral.gradient.size(); ++i)
            integral.gradient[i] += weight * point.gradient[i];
        slope += weight * point.slope;
    });
    const double change = integral.value - integral.baseline_value;
    integral.converged = std::abs(slope - change) <= options.tolerance * std::abs(change);
    return integral;
}

PathIntegral integrate(LinePath& path, const IntegratedGradientsOptions& options) {
    if (options.exact) return integrate_pieces(path, {options.tolerance, options.max_pieces});
    if (options.steps > 0) return integrate_fixed(path, options);
    return integrate_adaptively(path, {options.tolerance, options.max_steps});
}

}  // namespace

IntegratedGradients::IntegratedGradients(const DifferentiableModel& model, Baseline baseline,
                                         Options options)
    : model_(model), baseline_(std::move(baseline)), options_(std::move(options)) {
    require_count("integrated gradients", "steps", options_.steps, 0);
    require_count("integrated gradients", "max-steps", options_.max_steps, 2);
    require(!options_.exact || options_.steps == 0, "exact integration has no steps to choose");
    require(options_.tolerance > 0 && std::isfinite(options_.tolerance),
            "tolerance must be positive");
    require(options_.max_pieces >= 1, "max-pieces must be at least 1");
    if (options_.steps > 0) (void)quadrature(options_.rule, options_.steps);
}

Explanation IntegratedGradients::explain(const Batch& input, const Target& target,
                                         const Run& run) const {
    Inquiry inquiry("integrated-gradients", model_, input, target, {.input = options_.input}, run);
    LinePath path(inquiry, inquiry.baseline(baseline_));
    PathIntegral integral = integrate(path, options_);
    for (size_t i = 0; i < integral.gradient.size(); ++i)
        integral.gradient[i] *= path.direction()[i];

    Explanation explanation =
        inquiry.finish(integral.gradient,
                       {.baseline = describe(baseline_), .baseline_value = integral.baseline_value},
                       {{"baseline", describe(baseline_)},
                        {"steps", options_.steps},
                        {"rule", std::string(name(options_.rule))},
                        {"tolerance", options_.tolerance},
                        {"max-steps", options_.max_steps},
                        {"exact", options_.exact},
                        {"max-pieces", options_.max_pieces}});
    explanation.diagnostics.converged = integral.converged;
    for (std::string& note : integral.notes)
        explanation.diagnostics.notes.push_back(std::move(note));
    return explanation;
}

}  // namespace whence
