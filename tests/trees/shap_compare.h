#pragma once

#include <algorithm>
#include <cmath>
#include <span>

namespace whence::trees::testing {

inline double largest(std::span<const double> values) {
    double most = 0;
    for (const double x : values) most = std::max(most, std::abs(x));
    return most;
}

/// Largest difference of a row's values, over the row's largest value (at least a hundredth).
inline double error_of(std::span<const double> have, std::span<const double> want) {
    double most = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        const double difference = std::abs(have[i] - want[i]);
        if (!(difference <= most)) most = difference;  // NaN stays
    }
    return most / std::max(largest(want), 1e-2);
}

}  // namespace whence::trees::testing
