#include "whence/gradients/integrated_hessians.h"

#include <fmt/format.h>

#include <cmath>

#include "whence/core/error.h"
#include "whence/gradients/line_path.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

constexpr int64_t most_features = 1000;

// Integrals of -ln c and -c ln c from 0 to c.
double first_weight(double c) {
    return c > 0 ? c - c * std::log(c) : 0;
}
double second_weight(double c) {
    return c > 0 ? c * c / 4 - c * c / 2 * std::log(c) : 0;
}

// Which gradient is asked for: at the centre of a cell, or to one side of it along one feature.
struct Probe {
    int64_t cell;
    size_t feature;
    int side;  ///< 0: the centre itself
};

class Probes {
  public:
    Probes(std::span<const double> direction, int64_t steps) : steps_(steps) {
        for (size_t i = 0; i < direction.size(); ++i)
            if (direction[i] != 0) moving_.push_back(i);
    }
    [[nodiscard]] int64_t each() const { return 2 * std::ssize(moving_) + 1; }
    [[nodiscard]] int64_t count() const { return steps_ * each(); }
    [[nodiscard]] Probe at(int64_t number) const {
        const int64_t within = number % each();
        if (within == 0) return {number / each(), 0, 0};
        return {number / each(), moving_[(within - 1) / 2], within % 2 ? 1 : -1};
    }
    [[nodiscard]] double edge(int64_t cell) const {
        return static_cast<double>(cell) / static_cast<double>(steps_);
    }
    [[nodiscard]] double centre(int64_t cell) const {
        return (static_cast<double>(cell) + 0.5) / static_cast<double>(steps_);
    }

  private:
    int64_t steps_;
    std::vector<size_t> moving_;
};

// G and its transpose are the same but for what the differences leave.
void make_symmetric(std::vector<double>& matrix, size_t n) {
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < i; ++j)
            matrix[i * n + j] = matrix[j * n + i] = (matrix[i * n + j] + matrix[j * n + i]) / 2;
}

}  // namespace

IntegratedHessians::IntegratedHessians(const DifferentiableModel& model, Baseline baseline,
                                       Options options)
    : model_(model), baseline_(std::move(baseline)), options_(std::move(options)) {
    require_count("integrated-hessians", "steps", options_.steps);
    require_range("integrated-hessians", "difference", options_.difference, 0, 1);
}

Explanation IntegratedHessians::explain(const Batch& input, const Target& target,
                                        const Run& run) const {
    Inquiry inquiry("integrated-hessians", model_, input, target, {.input = options_.input}, run);
    const std::vector<double> baseline = inquiry.baseline(baseline_);
    const LinePath path(inquiry, baseline);
    const std::span<const double> direction = path.direction();
    const size_t n = direction.size();
    if (std::ssize(direction) > most_features)
        throw Error(ErrorKind::unsupported,
                    fmt::format("integrated-hessians gives a number for each pair of features; {} "
                                "features are too many (at most {})",
                                n, most_features));
    const Probes probes(direction, options_.steps);
    const double step =
        options_.difference > 0 ? options_.difference : std::cbrt(inquiry.epsilon());
    inquiry.expect(2 + probes.count());
    (void)inquiry.value();

    std::vector<double> pairs(n * n, 0.0);
    const Place place = [&](int64_t number, std::span<double> row) {
        const Probe probe = probes.at(number);
        const double c = probes.centre(probe.cell);
        for (size_t i = 0; i < n; ++i) row[i] = baseline[i] + c * direction[i];
        row[probe.feature] += probe.side * step * direction[probe.feature];
    };
    inquiry.ask({.points = probes.count(), .place = place, .where = " along the path"},
                [&](const Answer& answer) {
                    const Probe probe = probes.at(answer.point);
                    const double begin = probes.edge(probe.cell), end = probes.edge(probe.cell + 1);
                    const double first = first_weight(end) - first_weight(begin);
                    const double second = (second_weight(end) - second_weight(begin)) / (2 * step);
                    for (size_t i = 0; i < n; ++i) {
                        const double product = direction[i] * answer.gradient[i];
                        if (probe.side == 0)
                            pairs[i * n + i] += first * product;
                        else
                            pairs[i * n + probe.feature] += probe.side * second * product;
                    }
                });
    make_symmetric(pairs, n);
    std::vector<double> rows(n, 0.0);
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j) rows[i] += pairs[i * n + j];
    Explanation explanation =
        inquiry.finish(rows,
                       {.baseline = describe(baseline_),
                        .baseline_value = inquiry.value_at(baseline, " at the baseline")},
                       {{"baseline", describe(baseline_)},
                        {"steps", options_.steps},
                        {"difference", options_.difference}});
    const auto side = static_cast<int64_t>(n);
    explanation.interactions = Interactions{.values = Tensor::of<double>({side, side}, pairs)};
    return explanation;
}

}  // namespace whence
