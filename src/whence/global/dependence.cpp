#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/global/curves.h"
#include "whence/global/quantile.h"
#include "whence/global/questions.h"

namespace whence::global {

Curve dependence(const Task& task, int64_t feature, const CurveOptions& options, const Run& run) {
    check(task);
    Curve out{.feature = feature, .grid = options.values, .deciles = deciles(task, feature)};
    if (out.grid.empty()) out.grid = grid_of(task, feature, options);
    const int64_t rows = task.rows.rows();
    const int64_t points = std::ssize(out.grid);
    const std::vector<double> values = ask(
        task, rows * points,
        [&](int64_t i, std::span<double> row) {
            std::ranges::copy(task.row(i / points), row.begin());
            row[feature] = out.grid[i % points];
        },
        "dependence", run);
    out.rows.resize(rows);
    std::iota(out.rows.begin(), out.rows.end(), int64_t{0});
    for (int64_t row = 0; row < rows; ++row) {
        out.lines.emplace_back(values.begin() + row * points, values.begin() + (row + 1) * points);
        if (options.centered && points > 0)
            for (double& value : out.lines.back()) value -= values[row * points];
    }
    const auto n = static_cast<double>(rows);
    for (int64_t point = 0; point < points; ++point) {
        double sum = 0, squares = 0;
        for (const std::vector<double>& line : out.lines) sum += line[point];
        for (const std::vector<double>& line : out.lines)
            squares += (line[point] - sum / n) * (line[point] - sum / n);
        out.values.push_back(sum / n);
        out.standard_errors.push_back(rows > 1 ? std::sqrt(squares / (n - 1) / n) : std::nan(""));
    }
    return out;
}

}  // namespace whence::global
