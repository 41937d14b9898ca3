#include "whence/gradients/deep_lift.h"

#include "whence/gradients/background.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// Copies of the input, each against its own row of the background.
Explanation compare(Inquiry& inquiry, const Tensor& rows, const std::string& description) {
    const Background background(rows, description, inquiry);
    const std::vector<double>& x = inquiry.x();
    const auto count = static_cast<double>(background.size());
    inquiry.expect(background.size());
    std::vector<double> values(x.size(), 0.0), baseline(x.size());
    double baseline_value = 0;
    inquiry.ask(
        {.points = background.size(), .rules = Rules::deep_lift, .reference = background.place()},
        [&](const Answer& answer) {
            background.read(answer.point, baseline);
            for (size_t i = 0; i < values.size(); ++i)
                values[i] += (x[i] - baseline[i]) * answer.gradient[i] / count;
            baseline_value += answer.reference_value / count;
        });
    return inquiry.finish(values, {.baseline = description, .baseline_value = baseline_value}, {});
}

}  // namespace

DeepLift::DeepLift(const DifferentiableModel& model, Baseline baseline, Options options)
    : model_(model), baseline_(std::move(baseline)), options_(std::move(options)) {}

Explanation DeepLift::explain(const Batch& input, const Target& target, const Run& run) const {
    Inquiry inquiry("deep-lift", model_, input, target, {.input = options_.input}, run);
    const Tensor row = baseline_values(baseline_, *inquiry.explained().value, run);
    check_finite(row, "baseline '" + describe(baseline_) + "'");
    return compare(inquiry, row, describe(baseline_));
}

DeepShap::DeepShap(const DifferentiableModel& model, Tensor background, std::string description,
                   Options options)
    : model_(model),
      background_(std::move(background)),
      description_(std::move(description)),
      options_(std::move(options)) {}

Explanation DeepShap::explain(const Batch& input, const Target& target, const Run& run) const {
    Inquiry inquiry("deep-shap", model_, input, target, {.input = options_.input}, run);
    return compare(inquiry, background_, description_);
}

}  // namespace whence
