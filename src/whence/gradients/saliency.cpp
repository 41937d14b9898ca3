#include "whence/gradients/saliency.h"

#include <chrono>
#include <cmath>

#include "whence/gradients/explained_input.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

Explanation Saliency::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    run.check();
    const ExplainedInput explained = choose_input(model_, input, options_.input);
    OpenTarget open(target, model_, input, run);
    GradientRequest request = open.request();
    request.gradients = {explained.name};
    const GradientResult result = model_.run(input, request, run);
    open.settle(result);

    std::vector<double> values = result.gradients.at(0).to_doubles();
    for (double& value : values) {
        check_model_number(value, "gradient");
        if (options_.absolute) value = std::abs(value);
    }

    Explanation explanation;
    explanation.attribution.values = attribution_tensor(values, *explained.value);
    explanation.target = {.resolved = open.resolved(),
                          .value = result.target.at(0),
                          .baseline = "a point infinitesimally near the input"};
    explanation.diagnostics.no_error_because =
        "a gradient explains what a small change of the input would do, not the score itself";
    fill_common(explanation, "saliency", explained, run);
    explanation.provenance.options = {{"absolute", options_.absolute}, {"input", explained.name}};
    explanation.provenance.evaluations = open.evaluations();
    explanation.provenance.gradient_evaluations = 1;
    run.report("saliency", 1, 1);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
