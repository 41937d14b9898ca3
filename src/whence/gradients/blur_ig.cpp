#include "whence/gradients/blur_ig.h"

#include "whence/gradients/chord_sum.h"
#include "whence/gradients/inquiry.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

BlurIg::BlurIg(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    require_count("blur-ig", "steps", options_.steps);
    require_range("blur-ig", "max-sigma", options_.max_sigma, 0.1, 1000);
}

Explanation BlurIg::explain(const Batch& input, const Target& target, const Run& run) const {
    Inquiry inquiry("blur-ig", model_, input, target, {.input = options_.input}, run);
    inquiry.expect(2 + options_.steps);
    const Baseline most = baseline::Blur{options_.max_sigma};
    const auto blurred = [&](int64_t k) {
        const double left = 1 - static_cast<double>(k) / static_cast<double>(options_.steps);
        const double sigma = options_.max_sigma * left * left;
        return sigma > 0 ? inquiry.baseline(baseline::Blur{sigma}) : inquiry.x();
    };
    (void)blurred(0);  // says at once where the input is no image
    (void)inquiry.value();

    ChordSum chords;
    double baseline_value = 0;
    std::vector<std::vector<double>> points;  // of the batch that is asked
    const Place place = [&](int64_t k, std::span<double> row) {
        run.check();
        if (k % inquiry.preferred_batch() == 0) points.clear();
        points.push_back(blurred(k));
        std::ranges::copy(points.back(), row.begin());
    };
    inquiry.ask({.points = options_.steps + 1, .place = place, .where = " along the path"},
                [&](const Answer& answer) {
                    if (answer.point == 0) baseline_value = answer.value;
                    chords.add(points[answer.point % inquiry.preferred_batch()], answer.gradient);
                });
    return inquiry.finish(chords.values(),
                          {.baseline = describe(most), .baseline_value = baseline_value},
                          {{"steps", options_.steps}, {"max-sigma", options_.max_sigma}});
}

}  // namespace whence
