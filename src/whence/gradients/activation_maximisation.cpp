#include "whence/gradients/activation_maximisation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/gradients/inquiry.h"
#include "whence/gradients/noise.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

constexpr uint32_t start_stream = 0xAC7A;
constexpr double start_noise = 0.05;  // of the range: enough to break symmetry, and no picture yet

// The input on its way.
class Ascent {
  public:
    Ascent(const Tensor& input, const std::vector<double>& x,
           const ActivationMaximisationOptions& options, const Run& run)
        : input_(input), options_(options), run_(run), point_(x.size()) {
        const auto [low, high] = std::ranges::minmax(x);
        low_ = low;
        high_ = high;
        mean_ = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
        Rng rng(run.seed, start_stream, 0);
        add_noise(rng, start_noise * (high - low), std::vector<double>(x.size(), mean_), point_);
        clip();
    }

    [[nodiscard]] const std::vector<double>& point() const { return point_; }

    void climb(std::span<const double> gradient, int64_t step) {
        double squares = 0;
        for (const double g : gradient) squares += g * g;
        const double rms = std::sqrt(squares / static_cast<double>(gradient.size()));
        const double length = rms > 0 ? options_.rate * (high_ - low_) / rms : 0;
        for (size_t i = 0; i < point_.size(); ++i)
            point_[i] = mean_ + (1 - options_.decay) * (point_[i] + length * gradient[i] - mean_);
        if (options_.blur > 0 && step % options_.blur_every == 0 && image_axes(input_.shape()))
            point_ = baseline_values(baseline::Blur{options_.blur},
                                     Tensor::of<double>(input_.shape(), point_), run_)
                         .to_doubles();
        clip();
    }

  private:
    void clip() {
        for (double& v : point_) v = std::clamp(v, low_, high_);
    }

    const Tensor& input_;
    const ActivationMaximisationOptions& options_;
    const Run& run_;
    std::vector<double> point_;
    double low_ = 0, high_ = 0, mean_ = 0;
};

}  // namespace

ActivationMaximisation::ActivationMaximisation(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    constexpr const char* method = "activation-maximisation";
    require_count(method, "steps", options_.steps);
    require_count(method, "blur-every", options_.blur_every);
    require_range(method, "rate", options_.rate, 0, 1);
    require_range(method, "decay", options_.decay, 0, 1);
    require_range(method, "blur", options_.blur, 0, 100);
}

Explanation ActivationMaximisation::explain(const Batch& input, const Target& target,
                                            const Run& run) const {
    Inquiry inquiry("activation-maximisation", model_, input, target, {.input = options_.input},
                    run);
    inquiry.expect(2 + options_.steps);
    const double before = inquiry.value();
    Ascent ascent(*inquiry.explained().value, inquiry.x(), options_, run);
    const Place here = [&](int64_t, std::span<double> row) {
        std::ranges::copy(ascent.point(), row.begin());
    };
    for (int64_t step = 1; step <= options_.steps; ++step)
        inquiry.ask({.place = here, .where = " on the way up"},
                    [&](const Answer& answer) { ascent.climb(answer.gradient, step); });
    const double after = inquiry.value_at(ascent.point(), " at the input found");
    Explanation explanation = inquiry.finish(
        ascent.point(),
        {.baseline = "none",
         .no_error_because = "the values are an input that the target likes, not attributions"},
        {{"steps", options_.steps},
         {"rate", options_.rate},
         {"decay", options_.decay},
         {"blur", options_.blur},
         {"blur-every", options_.blur_every}});
    explanation.diagnostics.notes.push_back(
        fmt::format("the input found scores {:.4g}; the one given {:.4g}", after, before));
    return explanation;
}

}  // namespace whence
