#include "whence/gradients/expected_gradients.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "whence/gradients/background.h"
#include "whence/gradients/moments.h"
#include "whence/gradients/noise.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

constexpr uint32_t pair_stream = 0xE69A, order_stream = 0xE69B;

// 0 to n - 1, each run of `run` numbers in random order.
std::vector<int32_t> shuffled_in_runs(int64_t n, int64_t run, Rng rng) {
    std::vector<int32_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    for (int64_t first = 0; first < n; first += run)
        rng.shuffle(std::span(order).subspan(first, std::min(run, n - first)));
    return order;
}

// The random pair of one sample: drawn once to ask and once more for the answer, instead of kept.
// The samples share out the way: every n-th part of it comes once (a Latin hypercube: McKay,
// Beckman, Conover 1979), and in each round through the background every row comes once, in a part
// of the way that belongs to the round, so that each row's own samples are spread over the way,
// too.
class Pairs {
  public:
    Pairs(const Background& background, const std::vector<double>& x, double deviation,
          int64_t samples, uint64_t seed)
        : background_(background),
          x_(x),
          deviation_(deviation),
          seed_(seed),
          rows_(shuffled_in_runs(background.size(), background.size(), {seed, order_stream, 0})),
          parts_(shuffled_in_runs(samples, background.size(), {seed, order_stream, 1})),
          from_(x.size()),
          direction_(x.size()) {}

    void draw(int64_t sample) {
        Rng rng(seed_, pair_stream, sample);
        background_.read(rows_[sample % std::ssize(rows_)], from_);
        position_ = (parts_[sample] + rng.uniform()) / static_cast<double>(parts_.size());
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
    std::vector<int32_t> rows_, parts_;
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

    Pairs pairs(background, inquiry.x(), noise_deviation(inquiry.x(), options_.noise),
                options_.samples, run.seed);
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
        notes.push_back(fmt::format("sampling: the sum has a standard error of at most {:.2g}",
                                    sums.standard_errors()[0]));
    if (options_.noise > 0)
        notes.emplace_back("with noise the sum estimates the mean score of noisy inputs, not f(x)");
    return explanation;
}

}  // namespace whence
