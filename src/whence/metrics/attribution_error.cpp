#include "whence/metrics/attribution_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "whence/core/error.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double median(std::vector<double> values) {
    if (values.empty()) return nan;
    std::ranges::sort(values);
    const size_t middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

double largest(const std::vector<double>& values) {
    return values.empty() ? nan : *std::ranges::max_element(values);
}

void require_finite_error(double error, size_t i) {
    if (!std::isfinite(error))
        throw Error(ErrorKind::input,
                    fmt::format("explanation {} has an attribution error of {}", i, error));
}

}  // namespace

ErrorSummary attribution_errors(std::span<const Explanation> explanations, double tolerance) {
    if (!(tolerance >= 0))
        throw Error(ErrorKind::usage, fmt::format("a tolerance of {}; take 0 or more", tolerance));
    std::vector<double> errors, absolute, squares, relative;
    for (size_t i = 0; i < explanations.size(); ++i) {
        const Diagnostics& diagnostics = explanations[i].diagnostics;
        if (const auto error = diagnostics.attribution_error) {
            require_finite_error(*error, i);
            errors.push_back(*error);
            absolute.push_back(std::abs(*error));
            squares.push_back(*error * *error);
        }
        if (const auto error = diagnostics.relative_error) {
            require_finite_error(*error, i);
            relative.push_back(*error);
        }
    }
    const auto within =
        std::ranges::count_if(relative, [&](double error) { return error <= tolerance; });
    return {
        .explanations = std::ssize(explanations),
        .stated = std::ssize(errors),
        .relative_stated = std::ssize(relative),
        .mean_absolute = mean(absolute),
        .median_absolute = median(absolute),
        .largest_absolute = largest(absolute),
        .mean = mean(errors),
        .root_mean_square = std::sqrt(mean(squares)),
        .mean_relative = mean(relative),
        .median_relative = median(relative),
        .largest_relative = largest(relative),
        .within_tolerance =
            relative.empty() ? nan
                             : static_cast<double>(within) / static_cast<double>(relative.size()),
        .tolerance = tolerance,
    };
}

}  // namespace whence::metrics
