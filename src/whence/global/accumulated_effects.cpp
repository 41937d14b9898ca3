#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/global/curves.h"
#include "whence/global/quantile.h"
#include "whence/global/questions.h"

namespace whence::global {
namespace {

// A row moved over one step of the grid, from point `step` to point `step + 1`.
struct Move {
    int64_t row, step;
};

// Ends of intervals: values of the column at equal steps of its distribution function (R's type 1).
std::vector<double> interval_ends(const std::vector<double>& sorted, const CurveOptions& options) {
    const int64_t intervals = options.points - 1;
    std::vector<double> out;
    if (options.grid == GridKind::equal)
        for (int64_t i = 0; i <= intervals; ++i) {
            const double share = static_cast<double>(i) / static_cast<double>(intervals);
            out.push_back(sorted.front() * (1 - share) + sorted.back() * share);
        }
    else
        for (int64_t i = 0; i <= intervals; ++i) {
            const int64_t rank =
                (i * std::ssize(sorted) + intervals - 1) / intervals;  // n i / K, up
            out.push_back(sorted[std::max<int64_t>(rank, 1) - 1]);
        }
    return unique(std::move(out));
}

std::vector<Move> moves_of_numbers(const Task& task, int64_t feature,
                                   const std::vector<double>& grid) {
    std::vector<Move> out;
    for (int64_t row = 0; row < task.rows.rows() && grid.size() > 1; ++row) {
        const double value = task.row(row)[feature];
        if (std::isnan(value)) continue;
        const int64_t above = std::ranges::lower_bound(grid, value) - grid.begin();
        out.push_back({row, std::clamp<int64_t>(above - 1, 0, std::ssize(grid) - 2)});
    }
    return out;
}

// Each row to both neighbours of its category.
std::vector<Move> moves_of_categories(const Task& task, int64_t feature,
                                      const std::vector<double>& grid) {
    std::vector<Move> out;
    for (int64_t row = 0; row < task.rows.rows(); ++row) {
        const double value = task.row(row)[feature];
        if (std::isnan(value)) continue;
        const int64_t at = std::ranges::lower_bound(grid, value) - grid.begin();
        if (at > 0) out.push_back({row, at - 1});
        if (at + 1 < std::ssize(grid)) out.push_back({row, at});
    }
    return out;
}

// What must be taken away so that the mean over rows is 0.
double center(const Task& task, const Curve& curve) {
    const bool categorical = task.schema[curve.feature].categorical();
    double sum = 0, rows = 0;
    if (!categorical) {
        for (size_t k = 0; k < curve.counts.size(); ++k) {
            const auto count = static_cast<double>(curve.counts[k]);
            sum += count * (curve.values[k] + curve.values[k + 1]) / 2;
            rows += count;
        }
    } else {
        for (const double value : task.column(curve.feature)) {
            if (std::isnan(value)) continue;
            sum += curve.values[std::ranges::lower_bound(curve.grid, value) - curve.grid.begin()];
            ++rows;
        }
    }
    return rows > 0 ? sum / rows : 0;
}

// The mean differences of the steps, summed from the first point on.
void accumulate(const std::vector<Move>& moves, const std::vector<double>& values, Curve& curve) {
    const size_t steps = curve.grid.size() - 1;
    std::vector<double> sums(steps), squares(steps);
    curve.counts.assign(steps, 0);
    const auto difference = [&](size_t i) { return values[2 * i + 1] - values[2 * i]; };
    for (size_t i = 0; i < moves.size(); ++i) {
        sums[moves[i].step] += difference(i);
        ++curve.counts[moves[i].step];
    }
    for (size_t i = 0; i < moves.size(); ++i) {
        const size_t step = moves[i].step;
        const double mean = sums[step] / static_cast<double>(curve.counts[step]);
        squares[step] += (difference(i) - mean) * (difference(i) - mean);
    }
    curve.values = {0};
    curve.standard_errors = {0};
    double variance = 0;
    for (size_t step = 0; step < steps; ++step) {
        const auto n = static_cast<double>(curve.counts[step]);
        // An interval of an equal grid without rows adds nothing: nobody was asked there.
        curve.values.push_back(curve.values.back() + (n > 0 ? sums[step] / n : 0));
        if (n > 0) variance += n > 1 ? squares[step] / (n - 1) / n : std::nan("");
        curve.standard_errors.push_back(std::sqrt(variance));
    }
}

}  // namespace

Curve accumulated_effects(const Task& task, int64_t feature, const CurveOptions& options,
                          const Run& run) {
    check(task);
    if (options.points < 2) throw Error(ErrorKind::usage, "points is less than 2");
    const std::vector<double> sorted = present_sorted(task, feature);
    const bool categorical = task.schema[feature].categorical();
    Curve out{.feature = feature, .deciles = deciles(task, feature)};
    if (sorted.empty()) return out;
    out.grid = categorical ? unique(sorted) : interval_ends(sorted, options);
    const std::vector<Move> moves = categorical ? moves_of_categories(task, feature, out.grid)
                                                : moves_of_numbers(task, feature, out.grid);
    const std::vector<double> values = ask(
        task, 2 * std::ssize(moves),
        [&](int64_t i, std::span<double> row) {
            std::ranges::copy(task.row(moves[i / 2].row), row.begin());
            row[feature] = out.grid[moves[i / 2].step + i % 2];
        },
        "accumulated effects", run);
    accumulate(moves, values, out);
    const double middle = center(task, out);
    for (double& value : out.values) value -= middle;
    return out;
}

}  // namespace whence::global
