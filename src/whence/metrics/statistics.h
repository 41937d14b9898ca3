#pragma once
// The few numbers that metrics are made of.

#include <cstdint>
#include <span>
#include <vector>

namespace whence::metrics {

/// Positions of `values` from the largest to the smallest; of equals the first comes first.
[[nodiscard]] std::vector<int32_t> descending(std::span<const double> values);

/// Ranks from 1; equals share the mean of their ranks.
[[nodiscard]] std::vector<double> mid_ranks(std::span<const double> values);

/// Product-moment correlation of two series of the same length, in [-1, 1]; NaN where one of them
/// is constant or shorter than 2.
[[nodiscard]] double pearson(std::span<const double> a, std::span<const double> b);

/// Pearson's correlation of the mid-ranks (Spearman 1904).
[[nodiscard]] double spearman(std::span<const double> a, std::span<const double> b);

/// Area under the straight lines through (x, y), for x that does not fall. 0 for one point.
[[nodiscard]] double area_under(std::span<const double> x, std::span<const double> y);

/// Arithmetic mean; NaN of nothing.
[[nodiscard]] double mean(std::span<const double> values);

/// Throws Error(input) with `what` where there are no values or one is not finite.
void require_finite(std::span<const double> values, const char* what);

}  // namespace whence::metrics
