#include "whence/gradients/expected_gradients.h"

#include <fmt/format.h>

#include "whence/gradients/background.h"
#include "whence/gradients/moments.h"
#include "whence/gradients/noise.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

constexpr uint32_t pair_stream = 0xE69A;

// The random pair of one sample: drawn once to ask and once more for the answer, instead of kept.
class Pairs {
  public:
    Pairs(const Background& background, const std::vector<double>& x, double deviation,
          uint64_t seed)
        : background_(background),
          x_(x),
          deviation_(deviation),
          seed_(seed),
          from_(x.size()),
          direction_(x.size()) {}

    void draw(int64_t sample) {
        Rng rng(seed_, pair_stream, sample);
        background_.read(static_cast<int64_t>(rng.below(background_.size())), from_);
        position_ = rng.uniform();
        if (deviation_ > 0)
            add_noise(rng, deviation_, x_, direction_);
        else
            direction_ = x_;
        for (size_t i = 0; i < from_.size(); ++i) direction_[i] -= from_[i];
    }
    void place(int64_t sample, std::span<double> row) {
        draw(sample);
        for (size_t i = 0; i < row.size(); ++i) row[i] = from_[i] + position_ * direction_[i];
    }
    [[nodiscard]] const std::vector<double>& direction() const { return direction_; }

  private:
    const Background& background_;
    const std::vector<double>& x_;
    double deviation_;
    uint64_t seed_;
    double position_ = 0;
    std::vector<double> from_, direction_;
};

double mean_value(Inquiry& inquiry, const Background& background) {
    double sum = 0;
    inquiry.ask({.points = background.size(),
                 .place = background.place(),
                 .gradient = false,
                 .where = " at a row of the background"},
                [&](const Answer& answer) { sum += answer.value; });
    return sum / static_cast<double>(background.size());
}

}  // namespace

ExpectedGradients::ExpectedGradients(const DifferentiableModel& model, Tensor background,
                                     std::string description, Options options)
    : model_(model),
      background_(std::move(background)),
      description_(std::move(description)),
      options_(std::move(options)) {
    require_count("expected-gradients", "samples", options_.samples);
    require_range("expected-gradients", "noise", options_.noise, 0, 100);
}

Explanation ExpectedGradients::explain(const Batch& input, const Target& target,
                                       const Run& run) const {
    Inquiry inquiry("expected-gradients", model_, input, target, {.input = options_.input}, run);
    const Background background(background_, description_, inquiry);
    inquiry.expect(1 + background.size() + options_.samples);
    (void)inquiry.value();
    const double baseline_value = mean_value(inquiry, background);

    Pairs pairs(background, inquiry.x(), noise_deviation(inquiry.x(), options_.noise), run.seed);
    const size_t features = inquiry.x().size();
    Moments moments(features), sums(1);
    std::vector<double> sample(features);
    inquiry.ask({.points = options_.samples,
                 .place = [&](int64_t k, std::span<double> row) { pairs.place(k, row); },
                 .where = " between the background and the input"},
                [&](const Answer& answer) {
                    pairs.draw(answer.point);
                    double sum = 0;
                    for (size_t i = 0; i < features; ++i)
                        sum += sample[i] = pairs.direction()[i] * answer.gradient[i];
                    moments.add(sample);
                    sums.add({&sum, 1});
                });
    Explanation explanation =
        inquiry.finish(moments.mean(), {.baseline = description_, .baseline_value = baseline_value},
                       {{"samples", options_.samples}, {"noise", options_.noise}});
    explanation.attribution.standard_errors = moments.standard_errors();
    std::vector<std::string>& notes = explanation.diagnostics.notes;
    if (options_.samples > 1)
        notes.push_back(fmt::format("sampling: the sum has a standard error of {:.2g}",
                                    sums.standard_errors()[0]));
    if (options_.noise > 0)
        notes.emplace_back("with noise the sum estimates the mean score of noisy inputs, not f(x)");
    return explanation;
}

}  // namespace whence
