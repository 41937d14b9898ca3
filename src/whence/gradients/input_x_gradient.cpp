#include "whence/gradients/input_x_gradient.h"

#include <chrono>

#include "whence/gradients/explained_input.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

Explanation InputXGradient::explain(const Batch& input, const Target& target,
                                    const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    run.check();
    const ExplainedInput explained = choose_input(model_, input, options_.input);
    const Tensor baseline = baseline_values(options_.baseline, *explained.value, run);
    check_finite(baseline, "baseline '" + describe(options_.baseline) + "'");

    OpenTarget open(target, model_, input, run);
    GradientRequest request = open.request();
    request.gradients = {explained.name};
    const GradientResult at_input = model_.run(input, request, run);
    open.settle(at_input);
    run.report("input-x-gradient", 1, 2);

    Batch reference = input;
    reference[explained.position].value = baseline;
    const GradientResult at_baseline = model_.run(reference, open.request(), run);
    check_model_number(at_baseline.target.at(0), "output at the baseline");

    std::vector<double> values = at_input.gradients.at(0).to_doubles();
    const std::vector<double> x = explained.value->to_doubles(), x0 = baseline.to_doubles();
    for (size_t i = 0; i < values.size(); ++i) {
        check_model_number(values[i], "gradient");
        values[i] *= x[i] - x0[i];
    }

    Explanation explanation;
    explanation.attribution.values = attribution_tensor(values, *explained.value);
    explanation.target = {.resolved = open.resolved(),
                          .value = at_input.target[0],
                          .baseline = describe(options_.baseline),
                          .baseline_value = at_baseline.target[0]};
    fill_common(explanation, "input-x-gradient", explained, run);
    state_attribution_error(explanation);
    explanation.provenance.options = {{"baseline", describe(options_.baseline)},
                                      {"input", explained.name}};
    explanation.provenance.evaluations = open.evaluations() + 1;
    explanation.provenance.gradient_evaluations = 1;
    run.report("input-x-gradient", 2, 2);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
