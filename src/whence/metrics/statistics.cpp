#include "whence/metrics/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
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

// Bits that are in the order of the numbers; both zeros are one.
uint64_t key(double value) {
    constexpr uint64_t sign = uint64_t{1} << 63;
    const auto bits = std::bit_cast<uint64_t>(value + 0.0);
    return bits & sign ? ~bits : bits | sign;
}

struct Keyed {
    uint64_t key;
    int32_t position;
};

// Digit by digit from the least significant one, each pass stable. Digits that all have in common (the low
// ones of what was a float once) take no pass.
void radix_sort(std::vector<Keyed>& all) {
    constexpr int digits = 8;
    std::array<std::array<int32_t, 256>, digits> counts{};
    for (const Keyed& one : all)
        for (int d = 0; d < digits; ++d) ++counts[d][one.key >> 8 * d & 255];
    std::vector<Keyed> other(all.size());
    for (int d = 0; d < digits; ++d) {
        std::array<int32_t, 256>& next = counts[d];
        if (next[all[0].key >> 8 * d & 255] == std::ssize(all)) continue;
        std::exclusive_scan(next.begin(), next.end(), next.begin(), 0);
        for (const Keyed& one : all) other[next[one.key >> 8 * d & 255]++] = one;
        all.swap(other);
    }
}

// Positions in the order of the keys of their values, of equals the first first.
template <class Key>
std::vector<int32_t> sorted(std::span<const double> values, const Key& key_of) {
    constexpr size_t few = 64;
    std::vector<Keyed> all;
    all.reserve(values.size());
    for (const double value : values) all.push_back({key_of(value), static_cast<int32_t>(all.size())});
    if (all.size() <= few)
        std::ranges::stable_sort(all, {}, &Keyed::key);
    else
        radix_sort(all);
    std::vector<int32_t> order;
    order.reserve(all.size());
    for (const Keyed& one : all) order.push_back(one.position);
    return order;
}

}  // namespace

std::vector<int32_t> descending(std::span<const double> values) {
    return sorted(values, [](double v) { return ~key(v); });
}

std::vector<double> mid_ranks(std::span<const double> values) {
    const std::vector<int32_t> order = sorted(values, key);
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
