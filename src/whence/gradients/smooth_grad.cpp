#include "whence/gradients/smooth_grad.h"

#include "whence/gradients/inquiry.h"
#include "whence/gradients/moments.h"
#include "whence/gradients/noise.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

const char* method_name(SmoothGradOptions::Statistic statistic) {
    switch (statistic) {
        case SmoothGradOptions::Statistic::square:
            return "smoothgrad-squared";
        case SmoothGradOptions::Statistic::variance:
            return "vargrad";
        default:
            return "smoothgrad";
    }
}

}  // namespace

SmoothGrad::SmoothGrad(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    const char* method = method_name(options_.statistic);
    const bool variance = options_.statistic == Options::Statistic::variance;
    require_count(method, "samples", options_.samples, variance ? 2 : 1);
    require_range(method, "noise", options_.noise, 0, 100);
}

Explanation SmoothGrad::explain(const Batch& input, const Target& target, const Run& run) const {
    using Statistic = Options::Statistic;
    Inquiry inquiry(method_name(options_.statistic), model_, input, target,
                    {.input = options_.input}, run);
    inquiry.expect(1 + options_.samples);
    (void)inquiry.value();
    const double deviation = noise_deviation(inquiry.x(), options_.noise);
    const Place noisy = [&](int64_t sample, std::span<double> row) {
        Rng rng(run.seed, smooth_grad_stream, sample);
        add_noise(rng, deviation, inquiry.x(), row);
    };
    Moments moments(inquiry.x().size());
    std::vector<double> gradient;
    inquiry.ask({.points = options_.samples, .place = noisy, .where = " near the input"},
                [&](const Answer& answer) {
                    gradient.assign(answer.gradient.begin(), answer.gradient.end());
                    if (options_.statistic == Statistic::square)
                        for (double& g : gradient) g *= g;
                    moments.add(gradient);
                });
    const bool variance = options_.statistic == Statistic::variance;
    Explanation explanation = inquiry.finish(
        variance ? moments.variance() : moments.mean(),
        {.baseline = "points infinitesimally near noisy copies of the input",
         .no_error_because = "gradients explain what small changes of noisy inputs would do, not "
                             "the score itself"},
        {{"samples", options_.samples}, {"noise", options_.noise}});
    if (!variance) explanation.attribution.standard_errors = moments.standard_errors();
    if (deviation == 0)
        explanation.diagnostics.notes.emplace_back(
            "the noise is zero, so every sample is the input itself");
    return explanation;
}

}  // namespace whence
