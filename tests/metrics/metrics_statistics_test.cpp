// Orders and ranks of numbers against a sort by comparison, and by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "whence/core/rng.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

// Of all signs and sizes, with equals, both zeros, and numbers that were floats once.
std::vector<double> mixed(int64_t count, uint64_t seed) {
    std::vector<double> values(count);
    Rng rng(seed, 1, 0);
    rng.normals(values);
    for (double& value : values) {
        const uint64_t kind = rng.below(8);
        if (kind == 0) value = std::round(value);
        if (kind == 1) value = std::copysign(0.0, value);
        if (kind == 2) value = static_cast<float>(value);
        if (kind == 3) value *= 1e300;
        if (kind == 4) value *= 1e-310;
    }
    return values;
}

TEST(Statistics, DescendingEqualsAStableSort) {
    for (const int64_t count : {0, 1, 2, 64, 65, 1000}) {
        const std::vector<double> values = mixed(count, count);
        std::vector<int32_t> order(count);
        std::iota(order.begin(), order.end(), 0);
        std::ranges::stable_sort(order, [&](int32_t a, int32_t b) { return values[a] > values[b]; });
        EXPECT_EQ(descending(values), order) << count;
    }
}

// The slow twin: how many are smaller, and half of those that are equal.
TEST(Statistics, MidRanksCountWhoIsSmaller) {
    for (const int64_t count : {1, 5, 64, 65, 700}) {
        const std::vector<double> values = mixed(count, 3), ranks = mid_ranks(values);
        ASSERT_EQ(std::ssize(ranks), count);
        for (int64_t i = 0; i < count; ++i) {
            const auto smaller = std::ranges::count_if(values, [&](double v) { return v < values[i]; });
            const auto equal = std::ranges::count_if(values, [&](double v) { return v == values[i]; });
            EXPECT_EQ(ranks[i], static_cast<double>(smaller) + 0.5 * static_cast<double>(equal + 1));
        }
    }
}

TEST(Statistics, InfinitiesComeFirstAndLast) {
    std::vector<double> values(100, 1.0);
    values[7] = std::numeric_limits<double>::infinity();
    values[70] = -std::numeric_limits<double>::infinity();
    const std::vector<int32_t> order = descending(values);
    EXPECT_EQ(order.front(), 7);
    EXPECT_EQ(order.back(), 70);
}

}  // namespace
}  // namespace whence::metrics
