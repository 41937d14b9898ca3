#include "whence/gradients/guided_ig.h"

#include <algorithm>
#include <cmath>

#include "whence/gradients/chord_sum.h"
#include "whence/gradients/inquiry.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// Distances to the target closer than this share of the whole way are rounding.
constexpr double arrived = 1e-9;

// Where the path is, and how it goes on.
class GuidedPath {
  public:
    GuidedPath(const std::vector<double>& x, std::vector<double> baseline,
               const GuidedIgOptions& options)
        : x_(x), from_(std::move(baseline)), options_(options), point_(from_) {
        length_ = distance();
    }

    [[nodiscard]] const std::vector<double>& point() const { return point_; }

    /// Moves on to fraction `now` of the way, guided by `gradient`, the one where it stands.
    void advance(double now, std::span<const double> gradient);

  private:
    [[nodiscard]] double at(size_t i, double fraction) const {
        return fraction == 1 ? x_[i] : from_[i] + fraction * (x_[i] - from_[i]);
    }
    // Fraction of feature i's way; features without a way are always there.
    [[nodiscard]] double fraction(size_t i) const {
        const double way = x_[i] - from_[i];
        return way == 0 ? 1 : (point_[i] - from_[i]) / way;
    }
    [[nodiscard]] double distance() const {
        double sum = 0;
        for (size_t i = 0; i < x_.size(); ++i) sum += std::abs(x_[i] - point_[i]);
        return sum;
    }
    [[nodiscard]] std::vector<size_t> choose(std::span<const double> gradient, double upper) const;

    const std::vector<double>& x_;
    std::vector<double> from_;
    const GuidedIgOptions& options_;
    std::vector<double> point_;
    double length_ = 0;
};

// Those below their upper end whose |gradient| is at most the quantile, in which features at their
// upper end count as infinitely steep.
std::vector<size_t> GuidedPath::choose(std::span<const double> gradient, double upper) const {
    std::vector<size_t> free;
    std::vector<double> steep;
    for (size_t i = 0; i < x_.size(); ++i) {
        if (x_[i] == from_[i] || point_[i] == at(i, upper)) continue;
        free.push_back(i);
        steep.push_back(std::abs(gradient[i]));
    }
    const auto rank = static_cast<size_t>(options_.fraction * static_cast<double>(x_.size() - 1));
    if (rank >= free.size()) return free;
    std::ranges::nth_element(steep, steep.begin() + static_cast<ptrdiff_t>(rank));
    std::erase_if(free, [&](size_t i) { return std::abs(gradient[i]) > steep[rank]; });
    return free;
}

void GuidedPath::advance(double now, std::span<const double> gradient) {
    const double lower = std::max(0.0, now - options_.max_distance);
    const double upper = std::min(1.0, now + options_.max_distance);
    for (size_t i = 0; i < x_.size(); ++i)
        if (fraction(i) < lower) point_[i] = at(i, lower);
    const double wanted = (1 - now) * length_;
    while (true) {
        const double excess = distance() - wanted;
        if (excess <= arrived * length_) return;
        const std::vector<size_t> chosen = choose(gradient, upper);
        double room = 0;
        for (const size_t i : chosen) room += std::abs(at(i, upper) - point_[i]);
        if (room == 0) return;  // all are at their upper ends: closer than rounding
        const double share = std::min(1.0, excess / room);
        for (const size_t i : chosen) {
            const double end = at(i, upper);
            point_[i] = share == 1 ? end : point_[i] + share * (end - point_[i]);
        }
        if (share < 1) return;
    }
}

}  // namespace

GuidedIg::GuidedIg(const DifferentiableModel& model, Baseline baseline, Options options)
    : model_(model), baseline_(std::move(baseline)), options_(std::move(options)) {
    require_count("guided-ig", "steps", options_.steps);
    require_range("guided-ig", "fraction", options_.fraction, 0.01, 1);
    require_range("guided-ig", "max-distance", options_.max_distance, 0, 1);
}

Explanation GuidedIg::explain(const Batch& input, const Target& target, const Run& run) const {
    Inquiry inquiry("guided-ig", model_, input, target, {.input = options_.input}, run);
    inquiry.expect(1 + options_.steps);
    ChordSum chords;
    const std::vector<double> at_input = inquiry.gradient_at_input();
    GuidedPath path(inquiry.x(), inquiry.baseline(baseline_), options_);
    const Place here = [&](int64_t, std::span<double> row) {
        std::ranges::copy(path.point(), row.begin());
    };
    std::vector<double> values(inquiry.x().size(), 0.0), before;
    double baseline_value = 0;
    for (int64_t step = 1; step <= options_.steps; ++step) {
        const double now = static_cast<double>(step) / static_cast<double>(options_.steps);
        inquiry.ask({.place = here, .where = " along the path"}, [&](const Answer& answer) {
            if (step == 1) baseline_value = answer.value;
            before = path.point();
            chords.add(before, answer.gradient);
            path.advance(now, answer.gradient);
            for (size_t i = 0; i < values.size(); ++i)
                values[i] += (path.point()[i] - before[i]) * answer.gradient[i];
        });
    }
    chords.add(path.point(), at_input);
    if (!options_.compatible) values = chords.values();
    return inquiry.finish(values,
                          {.baseline = describe(baseline_), .baseline_value = baseline_value},
                          {{"baseline", describe(baseline_)},
                           {"steps", options_.steps},
                           {"fraction", options_.fraction},
                           {"max-distance", options_.max_distance},
                           {"compatible", options_.compatible}});
}

}  // namespace whence
