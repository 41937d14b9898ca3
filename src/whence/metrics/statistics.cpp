#include "whence/metrics/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "whence/core/error.h"

namespace whence::metrics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool constant(std::span<const double> values) {
    return std::ranges::all_of(values, [&](double v) { return v == values[0]; });
}

}  // namespace

std::vector<int32_t> descending(std::span<const double> values) {
    std::vector<int32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](int32_t a, int32_t b) { return values[a] > values[b]; });
    return order;
}

std::vector<double> mid_ranks(std::span<const double> values) {
    std::vector<int32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, [&](int32_t a, int32_t b) { return values[a] < values[b]; });
    std::vector<double> ranks(values.size());
    for (size_t first = 0, last; first < order.size(); first = last) {
        last = first + 1;
        while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
        const double shared = 0.5 * static_cast<double>(first + 1 + last);
        for (size_t i = first; i < last; ++i) ranks[order[i]] = shared;
    }
    return ranks;
}

double pearson(std::span<const double> a, std::span<const double> b) {
    // Sums of a constant series differ from zero by rounding: it is recognised by its values.
    if (a.size() < 2 || constant(a) || constant(b)) return nan;
    const double mean_a = mean(a), mean_b = mean(b);
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        const double da = a[i] - mean_a, db = b[i] - mean_b;
        ab += da * db;
        aa += da * da;
        bb += db * db;
    }
    const double norm = std::sqrt(aa) * std::sqrt(bb);
    return norm > 0 ? std::clamp(ab / norm, -1.0, 1.0) : nan;
}

double spearman(std::span<const double> a, std::span<const double> b) {
    return pearson(mid_ranks(a), mid_ranks(b));
}

double area_under(std::span<const double> x, std::span<const double> y) {
    double area = 0;
    for (size_t i = 1; i < x.size(); ++i) area += 0.5 * (y[i] + y[i - 1]) * (x[i] - x[i - 1]);
    return area;
}

double mean(std::span<const double> values) {
    if (values.empty()) return nan;
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void require_finite(std::span<const double> values, const char* what) {
    if (values.empty()) throw Error(ErrorKind::input, fmt::format("{}: there are no values", what));
    for (size_t i = 0; i < values.size(); ++i)
        if (!std::isfinite(values[i]))
            throw Error(ErrorKind::input,
                        fmt::format("{}: value {} is {}, not a finite number", what, i, values[i]));
}

}  // namespace whence::metrics
