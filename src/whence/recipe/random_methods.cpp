// Gradient methods that average over random samples.

#include "whence/gradients/expected_gradients.h"
#include "whence/gradients/smooth_grad.h"
#include "whence/recipe/gradient_rows.h"

namespace whence::recipe {
namespace {

template <SmoothGradOptions::Statistic statistic>
Explanation smooth_grad(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return SmoothGrad(of.model(), {.statistic = statistic,
                                       .samples = whole(task, "samples"),
                                       .noise = number(task, "noise")});
    });
}

Explanation expected_gradients(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return ExpectedGradients(
            of.model(), of.background(), describe(of.baseline()),
            {.samples = whole(task, "samples"), .noise = number(task, "noise")});
    });
}

std::vector<OptionSpec> noise_options(int64_t samples, double noise) {
    return {{{"samples", samples}, "random samples, one gradient evaluation each"},
            {{"noise", noise}, "standard deviation as a share of largest minus smallest number"}};
}

}  // namespace

std::vector<MethodSpec> random_methods() {
    using Statistic = SmoothGradOptions::Statistic;
    const SmoothGradOptions smooth;
    const ExpectedGradientsOptions expected;
    return {
        {.name = "smoothgrad",
         .summary = "the gradient averaged over noisy copies of the input",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = noise_options(smooth.samples, smooth.noise),
         .explain = smooth_grad<Statistic::mean>,
         .layer = LayerUse::optional},
        {.name = "smoothgrad-squared",
         .summary = "the squared gradient averaged over noisy copies of the input",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = noise_options(smooth.samples, smooth.noise),
         .explain = smooth_grad<Statistic::square>,
         .layer = LayerUse::optional},
        {.name = "vargrad",
         .summary = "the variance of the gradient over noisy copies of the input",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = noise_options(smooth.samples, smooth.noise),
         .explain = smooth_grad<Statistic::variance>,
         .layer = LayerUse::optional},
        {.name = "expected-gradients",
         .summary =
             "integrated gradients averaged over baselines (GradientSHAP); adds up on average",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = noise_options(expected.samples, expected.noise),
         .explain = expected_gradients,
         .layer = LayerUse::optional,
         .baseline_set = true},
    };
}

}  // namespace whence::recipe
