#include "whence/gradients/guided_grad_cam.h"

#include <algorithm>
#include <chrono>

#include "whence/core/baseline.h"
#include "whence/core/bilinear.h"
#include "whence/core/error.h"
#include "whence/gradients/cam.h"
#include "whence/gradients/explained_input.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// The positive part of a map [1, 1, h, w] in the size of the picture.
std::vector<double> enlarged_positive(const Tensor& map, int64_t height, int64_t width) {
    std::vector<double> positive = map.to_doubles();
    for (double& value : positive) value = std::max(0.0, value);
    return bilinear(positive, map.shape()[2], map.shape()[3], height, width);
}

}  // namespace

GuidedGradCam::GuidedGradCam(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.layer.empty()) throw Error(ErrorKind::usage, "guided-grad-cam needs a layer");
}

Explanation GuidedGradCam::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const ExplainedInput picture = choose_input(model_, input, "");
    const auto axes = image_axes(picture.value->shape());
    if (!axes)
        throw Error(ErrorKind::unsupported,
                    "guided-grad-cam explains pictures; the input has shape " +
                        to_string(picture.value->shape()));
    Explanation explanation = Cam(model_, {.layer = options_.layer}).explain(input, target, run);
    GradientRequest request = request_for(explanation.target.resolved);
    request.gradients = {picture.name};
    request.rules = Rules::guided;
    const GradientResult guided = model_.run(input, request, run);

    const auto length = [&](int axis) { return picture.value->shape()[static_cast<size_t>(axis)]; };
    const std::vector<double> map = enlarged_positive(explanation.attribution.values,
                                                      length(axes->height), length(axes->width));
    std::vector<double> values = guided.gradients.at(0).to_doubles();
    const size_t channels = static_cast<size_t>(length(axes->channels));
    for (size_t i = 0; i < values.size(); ++i) {
        check_model_number(values[i], "guided gradient");
        values[i] *= map[axes->channels == 3 ? i / channels : i % map.size()];
    }
    explanation.attribution.values = attribution_tensor(values, *picture.value);
    explanation.attribution.layer.clear();
    explanation.target.baseline_value.reset();
    explanation.diagnostics = {.no_error_because =
                                   "a product of two maps that answer different questions"};
    fill_common(explanation, "guided-grad-cam", picture, run);
    ++explanation.provenance.gradient_evaluations;
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
