// Intervals and comparisons: by hand, and each decision with a case in which it must not be made.

#include "whence/evaluate/estimates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/rng.h"

namespace whence::evaluate {
namespace {

const double nan = std::nan("");

Competitor competitor(const std::vector<double>& scores, const Resamples& resamples) {
    std::vector<int64_t> all(scores.size());
    std::iota(all.begin(), all.end(), 0);
    const Statistic mean = mean_of(scores);
    return {.value = mean(all), .scores = scores, .again = resampled(mean, resamples, {})};
}

std::vector<double> noise(int64_t n, double by, uint64_t index) {
    std::vector<double> out(n);
    Rng(7, 1, index).normals(out);
    for (double& value : out) value *= by;
    return out;
}

std::vector<double> plus(std::vector<double> a, double shift) {
    for (double& value : a) value += shift;
    return a;
}

TEST(Estimates, MeanIsOfDefinedScoresEachAsOftenAsDrawn) {
    const Statistic mean = mean_of({1, nan, 4});
    EXPECT_EQ(mean(std::vector<int64_t>{0, 1, 2}), 2.5);
    EXPECT_EQ(mean(std::vector<int64_t>{0, 2, 2}), 3);
    EXPECT_TRUE(std::isnan(mean(std::vector<int64_t>{1, 1})));
}

TEST(Estimates, PercentilesInterpolateBetweenOrderStatistics) {
    std::vector<double> values(101);
    std::iota(values.rbegin(), values.rend(), 0.0);
    const auto interval = percentiles(values, 0.1);
    EXPECT_DOUBLE_EQ(interval->low, 5);
    EXPECT_DOUBLE_EQ(interval->high, 95);
    EXPECT_DOUBLE_EQ(percentiles({0, 1}, 0.5)->low, 0.25);
    EXPECT_FALSE(percentiles({nan, nan, 1}));
    EXPECT_FALSE(percentiles({}));
}

TEST(Estimates, ResamplesDependOnTheSeedAlone) {
    const Resamples a(20, 50, 3), b(20, 50, 3), c(20, 50, 4);
    bool other = false;
    for (int64_t r = 0; r < 50; ++r) {
        EXPECT_TRUE(std::ranges::equal(a[r], b[r]));
        other = other || !std::ranges::equal(a[r], c[r]);
        for (const int64_t position : a[r]) EXPECT_TRUE(position >= 0 && position < 20);
    }
    EXPECT_TRUE(other);
}

// The interval of a mean of n normal values is about 1.96 / sqrt(n) to each side.
TEST(Estimates, IntervalOfANormalMean) {
    const Resamples resamples(400, 2000, 1);
    const Competitor one = competitor(noise(400, 1, 0), resamples);
    const auto interval = percentiles(one.again);
    EXPECT_NEAR((interval->high - interval->low) / 2, 1.96 / 20, 0.015);
    EXPECT_LT(interval->low, one.value);
    EXPECT_GT(interval->high, one.value);
}

// Samples differ far more than methods: only pairs tell them apart.
TEST(Estimates, DifferencesArePaired) {
    const Resamples resamples(40, 2000, 1);
    const std::vector<double> difficulty = noise(40, 10, 0), jitter = noise(40, 0.1, 1);
    std::vector<double> worse = difficulty, turned(40);
    for (size_t i = 0; i < 40; ++i) worse[i] += jitter[i] - 0.5;
    for (size_t i = 0; i < 40; ++i) turned[i] = worse[(i + 17) % 40];
    const Competitor a = competitor(difficulty, resamples), b = competitor(worse, resamples),
                     c = competitor(turned, resamples);
    EXPECT_TRUE(distinguishably_better(a, b, true, resamples, 0.05, {}));
    EXPECT_FALSE(distinguishably_better(b, a, true, resamples, 0.05, {}));
    EXPECT_TRUE(distinguishably_better(b, a, false, resamples, 0.05, {}));
    EXPECT_FALSE(distinguishably_better(a, c, true, resamples, 0.05, {}));
}

TEST(Estimates, FewPairsDecideNothing) {
    for (const int64_t n : {fewest_pairs - 1, fewest_pairs}) {
        const Resamples resamples(n, 2000, 1);
        const std::vector<double> scores = noise(n, 1, 2);
        const Competitor a = competitor(plus(scores, 1), resamples),
                         b = competitor(scores, resamples);
        EXPECT_EQ(distinguishably_better(a, b, true, resamples, 0.05, {}), n == fewest_pairs);
    }
    // Pairs count, not scores: here 5 of 10 are undefined for one of the two.
    const Resamples resamples(10, 2000, 1);
    const std::vector<double> scores = noise(10, 1, 2);
    std::vector<double> half = plus(scores, 10);
    for (size_t i = 0; i < 5; ++i) half[i] = nan;
    EXPECT_FALSE(distinguishably_better(competitor(half, resamples), competitor(scores, resamples),
                                        true, resamples, 0.05, {}));
}

TEST(Estimates, EqualMethodsAreRarelyTakenForDifferent) {
    const Resamples resamples(50, 1000, 1);
    int64_t taken = 0;
    for (uint64_t trial = 0; trial < 100; ++trial) {
        const Competitor a = competitor(noise(50, 1, 2 * trial), resamples),
                         b = competitor(noise(50, 1, 2 * trial + 1), resamples);
        taken += distinguishably_better(a, b, true, resamples, 0.05, {}) ||
                 distinguishably_better(b, a, true, resamples, 0.05, {});
    }
    EXPECT_LE(taken, 12);  // 5 are expected; more than 12 once in a thousand such tests
}

TEST(Estimates, ComparisonsNameWhoIsBeaten) {
    const Resamples resamples(30, 2000, 1);
    const std::vector<Competitor> all = {competitor(plus(noise(30, 0.1, 0), 2), resamples),
                                         competitor(plus(noise(30, 0.1, 1), 1), resamples),
                                         competitor(plus(noise(30, 0.1, 2), 1), resamples),
                                         competitor(std::vector<double>(30, nan), resamples)};
    const auto better = comparisons(all, true, resamples, {});
    EXPECT_EQ(better[0], (std::vector<int64_t>{1, 2}));
    EXPECT_TRUE(better[1].empty());
    EXPECT_TRUE(better[2].empty());
    EXPECT_TRUE(better[3].empty());
    // One method alone beats nobody.
    EXPECT_TRUE(comparisons(std::span(all).first(1), true, resamples, {})[0].empty());
}

}  // namespace
}  // namespace whence::evaluate
