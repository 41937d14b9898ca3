#pragma once
// Normal noise in proportion to the range of the input, counted by sample.

#include <algorithm>
#include <span>
#include <vector>

#include "whence/core/rng.h"

namespace whence::gradients {

/// Stream of SmoothGrad's random numbers: sample k draws from Rng(seed, smooth_grad_stream, k).
inline constexpr uint32_t smooth_grad_stream = 0x5307;

/// `share` of the largest minus the smallest number: 0 for an input that is one number everywhere.
[[nodiscard]] inline double noise_deviation(const std::vector<double>& x, double share) {
    const auto [low, high] = std::ranges::minmax(x);
    return share * (high - low);
}

/// row = x + deviation * N(0, 1), the next numbers of `rng`.
inline void add_noise(Rng& rng, double deviation, const std::vector<double>& x,
                      std::span<double> row) {
    rng.normals(row);
    for (size_t i = 0; i < row.size(); ++i) row[i] = x[i] + deviation * row[i];
}

}  // namespace whence::gradients
