#include "whence/gradients/adaptive.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace whence::gradients {
namespace {

// Ends at (k/8)^1.5, nearer to each other towards the baseline: a unit with weights w and bias b
// changes sign at -b / (w . (x - x0)), so most do early on the way. Found a third fewer gradients
// at equal tolerance than equal intervals do (docs/methods/integrated-gradients.md).
constexpr int64_t first_intervals = 8;

// Along a piecewise linear network a gradient changes by many small independent jumps: Brownian
// motion, nearly. Then the trapezoid rule over a cell of width h errs by h / sqrt(12) times the
// change of the gradient over the cell (bridge variance h^3 / 12), and after halving the cell by
// 1 / sqrt(12) of midpoint minus trapezoid. For a smooth model both are upper bounds.
const double change_to_error = 1 / std::sqrt(12.0);

// The map counts as good when its L1 error is 5 times the tolerance: on photographs the
// completeness error falls below the tolerance at about that point
// (docs/methods/integrated-gradients.md), so neither of the two criteria waits long for the other.
constexpr double map_factor = 5;

// The residual of one interval is partly luck, its map error is not: with equal weight the
// refinement runs after the luck and the map gets worse at equal cost.
constexpr double residual_weight = 0.5;

struct Interval {
    double begin = 0, end = 0;
    int64_t cells = 1;
    std::vector<double> sum;  ///< integral of the gradient over the interval, trapezoid rule
    double slope_sum = 0;     ///< integral of the slope, same rule
    double change = 0;        ///< of the output: what slope_sum should be
    double error = 0;         ///< expected L1 error of sum, weighted by |x - x0|
    [[nodiscard]] double residual() const { return slope_sum - change; }
};

// How far the present estimate is, in units of what is wanted: converged when both are at most 1.
struct Quality {
    double residual_unit = 0, map_unit = 0;  ///< sizes that are just good enough
    double residual = 0, map = 0;
    double map_error = 0;  ///< relative L1 error expected
    [[nodiscard]] bool good() const { return residual <= residual_unit && map <= map_unit; }
};

class Adaptive {
  public:
    Adaptive(LinePath& path, const AdaptiveOptions& options) : path_(path), options_(options) {}
    PathIntegral integrate();

  private:
    void start();
    void add_first(Interval& interval, std::span<const double> left, const PathPoint& right,
                   double left_slope) const;
    void halve(std::span<const size_t> chosen);
    void finish(Interval& interval, std::span<const double> middle, double slope) const;
    [[nodiscard]] std::vector<size_t> choose(const Quality& quality, int64_t budget) const;
    [[nodiscard]] Quality judge();
    [[nodiscard]] PathIntegral result(const Quality& quality) const;

    LinePath& path_;
    const AdaptiveOptions& options_;
    std::vector<Interval> intervals_;
    std::vector<double> total_;
    double value_ = 0, baseline_value_ = 0;
};

void Adaptive::add_first(Interval& interval, std::span<const double> left, const PathPoint& right,
                         double left_slope) const {
    const double width = interval.end - interval.begin;
    const std::span<const double> direction = path_.direction();
    interval.sum.resize(left.size());
    double change = 0;
    for (size_t i = 0; i < left.size(); ++i) {
        interval.sum[i] = width / 2 * (left[i] + right.gradient[i]);
        change += std::abs(direction[i] * (right.gradient[i] - left[i]));
    }
    interval.slope_sum = width / 2 * (left_slope + right.slope);
    interval.error = change_to_error * width * change;
}

// The input first and alone, for it tells the top class; then the other ends in order, so that only
// the gradient of the last one need be kept.
void Adaptive::start() {
    const int64_t count = std::clamp<int64_t>(options_.max_steps - 1, 1, first_intervals);
    intervals_.resize(count);
    path_.expect(1 + count);
    PathPoint last{};
    std::vector<double> at_input, left;
    const auto keep = [](const PathPoint& point, std::vector<double>& copy) {
        copy.assign(point.gradient.begin(), point.gradient.end());
        return PathPoint{point.position, point.value, point.slope, copy};
    };
    const double input_position = 1;
    path_.gradients({&input_position, 1},
                    [&](const PathPoint& point) { last = keep(point, at_input); });

    PathPoint previous{};
    const auto connect = [&](int64_t k, const PathPoint& point) {
        intervals_[k].begin = previous.position;
        intervals_[k].end = point.position;
        intervals_[k].change = point.value - previous.value;
        add_first(intervals_[k], previous.gradient, point, previous.slope);
    };
    std::vector<double> positions(count);
    for (int64_t k = 0; k < count; ++k) {
        const double part = static_cast<double>(k) / static_cast<double>(count);
        positions[k] = part * std::sqrt(part);
    }
    int64_t seen = 0;
    path_.gradients(positions, [&](const PathPoint& point) {
        if (seen > 0) connect(seen - 1, point);
        if (seen++ == 0) baseline_value_ = point.value;
        previous = keep(point, left);
    });
    connect(count - 1, last);
    value_ = last.value;
}

// Trapezoid over n cells and midpoint over the same cells average to the trapezoid over 2n.
void Adaptive::finish(Interval& interval, std::span<const double> middle, double slope) const {
    const double width = (interval.end - interval.begin) / static_cast<double>(interval.cells);
    const std::span<const double> direction = path_.direction();
    double change = 0;
    for (size_t i = 0; i < middle.size(); ++i) {
        const double by_midpoints = width * middle[i];
        change += std::abs(direction[i] * (by_midpoints - interval.sum[i]));
        interval.sum[i] = (interval.sum[i] + by_midpoints) / 2;
    }
    interval.slope_sum = (interval.slope_sum + width * slope) / 2;
    interval.error = change_to_error * change;
    interval.cells *= 2;
}

void Adaptive::halve(std::span<const size_t> chosen) {
    std::vector<double> positions;
    for (const size_t k : chosen) {
        const Interval& interval = intervals_[k];
        const auto cells = static_cast<double>(interval.cells);
        for (int64_t cell = 0; cell < interval.cells; ++cell)
            positions.push_back(interval.begin + (interval.end - interval.begin) *
                                                     (static_cast<double>(cell) + 0.5) / cells);
    }
    std::vector<double> middle(total_.size(), 0.0);
    double slope = 0;
    size_t current = 0;
    int64_t seen = 0;
    path_.gradients(positions, [&](const PathPoint& point) {
        for (size_t i = 0; i < middle.size(); ++i) middle[i] += point.gradient[i];
        slope += point.slope;
        if (++seen < intervals_[chosen[current]].cells) return;
        finish(intervals_[chosen[current++]], middle, slope);
        std::ranges::fill(middle, 0.0);
        slope = 0;
        seen = 0;
    });
}

Quality Adaptive::judge() {
    const std::span<const double> direction = path_.direction();
    total_.assign(direction.size(), 0.0);
    double residual = 0, squares = 0;
    for (const Interval& interval : intervals_) {
        for (size_t i = 0; i < total_.size(); ++i) total_[i] += interval.sum[i];
        residual += interval.residual();
        squares += interval.error * interval.error;  // errors of intervals are independent
    }
    double size = 0;
    for (size_t i = 0; i < total_.size(); ++i) size += std::abs(direction[i] * total_[i]);
    // What rounding leaves of a sum of this size is no business of the quadrature.
    const double rounding =
        8 * path_.epsilon() * std::max({size, std::abs(value_), std::abs(baseline_value_), 1e-300});
    Quality quality{.residual = std::abs(residual), .map = std::sqrt(squares)};
    quality.residual_unit =
        std::max(options_.tolerance * std::abs(value_ - baseline_value_), rounding);
    quality.map_unit = std::max(map_factor * options_.tolerance * size, rounding);
    quality.map_error = size > 0 ? quality.map / size : 0;
    return quality;
}

// The intervals where halving gains most per gradient, until a batch is full or the budget is.
std::vector<size_t> Adaptive::choose(const Quality& quality, int64_t budget) const {
    std::vector<double> gain(intervals_.size());
    for (size_t k = 0; k < gain.size(); ++k) {
        const double residual = std::abs(intervals_[k].residual()) / quality.residual_unit;
        const double need =
            std::max(intervals_[k].error / quality.map_unit, residual_weight * residual);
        gain[k] = need * need / static_cast<double>(intervals_[k].cells);
    }
    std::vector<size_t> order(intervals_.size()), chosen;
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, [&](size_t a, size_t b) { return gain[a] > gain[b]; });
    int64_t steps = 0;
    // A round adds at most a quarter: tiny models prefer batches far larger than what is missing.
    const int64_t round = std::max(first_intervals, path_.gradient_evaluations() / 4);
    const int64_t full = std::min({budget, round, path_.preferred_batch()});
    for (const size_t k : order) {
        const int64_t cells = intervals_[k].cells;
        if (gain[k] == 0 || (steps > 0 && steps + cells > full)) break;
        if (cells > budget) continue;
        chosen.push_back(k);
        steps += cells;
    }
    std::ranges::sort(chosen);
    return chosen;
}

PathIntegral Adaptive::result(const Quality& quality) const {
    PathIntegral integral{.gradient = total_,
                          .value = value_,
                          .baseline_value = baseline_value_,
                          .converged = quality.good()};
    integral.notes.push_back(
        fmt::format("estimated L1 distance to the exact integral: {:.2g} % of the attributions",
                    100 * quality.map_error));
    if (quality.good()) return integral;
    integral.notes.push_back(
        fmt::format("the budget of {} gradient evaluations ended before the tolerance was met",
                    options_.max_steps));
    // A quadrature cannot miss the sum by more than it misses the map.
    if (quality.residual > quality.residual_unit && quality.residual > 10 * quality.map)
        integral.notes.push_back(
            "the gradients do not add up to the change of the output, far beyond what the "
            "quadrature "
            "explains: the output jumps along the path, or the model's gradient is wrong");
    return integral;
}

PathIntegral Adaptive::integrate() {
    start();
    Quality quality = judge();
    while (!quality.good()) {
        const int64_t budget = options_.max_steps - path_.gradient_evaluations();
        const std::vector<size_t> chosen = choose(quality, budget);
        if (chosen.empty()) break;
        path_.expect(std::min(budget, path_.gradient_evaluations()));
        halve(chosen);
        quality = judge();
    }
    return result(quality);
}

}  // namespace

PathIntegral integrate_adaptively(LinePath& path, const AdaptiveOptions& options) {
    return Adaptive(path, options).integrate();
}

}  // namespace whence::gradients
