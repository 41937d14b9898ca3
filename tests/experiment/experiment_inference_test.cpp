#include "whence/experiment/inference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "whence/core/rng.h"

namespace whence::experiment {
namespace {

const whence::Run run{.seed = 1};

Series series(int64_t iterations, int64_t folds, int64_t epochs, std::vector<double> values) {
    return {iterations, folds, epochs, std::move(values)};
}

// Each iteration has a level of its own, each row noise on top.
Series clustered(uint64_t seed, double between, double within, int64_t iterations = 20,
                 int64_t folds = 5, int64_t epochs = 3) {
    Series out{.iterations = iterations, .folds = folds, .epochs = epochs};
    Rng rng(seed, 9, 9);
    for (int64_t i = 0; i < iterations; ++i) {
        const double level = between * rng.normal();
        for (int64_t r = 0; r < folds * epochs; ++r)
            out.values.push_back(level + within * rng.normal());
    }
    return out;
}

TEST(Inference, CorrelatesTheRowsOfTheScope) {
    // Two iterations of one fold and two epochs, by hand.
    const Series a = series(2, 1, 2, {1, 3, 2, 4}), b = series(2, 1, 2, {10, 30, 0, 20});
    // Deviations of a: -1.5 .5 -.5 1.5, of b: -5 15 -15 5; sums: 30, 5, 500.
    EXPECT_NEAR(correlate(a, b, Scope::all_epochs, {.permutations = 0}, run).value,
                30 / std::sqrt(5.0 * 500), 1e-12);
    EXPECT_EQ(correlate(a, b, Scope::all_epochs, {.permutations = 0}, run).rows, 4);
    // Last epochs: 3, 4 and 30, 20.
    EXPECT_NEAR(correlate(a, b, Scope::final_epoch, {.permutations = 0}, run).value, -1, 1e-12);
    // Epoch means out: a -.5 -.5 .5 .5, b 5 5 -5 -5.
    EXPECT_NEAR(correlate(a, b, Scope::within_epochs, {.permutations = 0}, run).value, -1, 1e-12);
    // Iteration means out: a -1 1 -1 1, b -10 10 -10 10.
    EXPECT_NEAR(correlate(a, b, Scope::within_iterations, {.permutations = 0}, run).value, 1,
                1e-12);
}

TEST(Inference, AConstantOrMissingSideHasNoCorrelation) {
    const Series a = clustered(1, 1, 1);
    Series flat = a, hole = a;
    std::ranges::fill(flat.values, 2);
    hole.values[7] = NAN;
    for (const Series& b : {flat, hole}) {
        const Correlation none = correlate(a, b, Scope::all_epochs, {}, run);
        EXPECT_TRUE(std::isnan(none.value) && std::isnan(none.low) && std::isnan(none.p));
        EXPECT_FALSE(none.above_zero() || none.below_zero());
    }
}

TEST(Inference, FewIterationsHaveNoInterval) {
    const Correlation few =
        correlate(clustered(1, 1, 1, 4), clustered(2, 1, 1, 4), Scope::all_epochs, {}, run);
    EXPECT_TRUE(std::isfinite(few.value));
    EXPECT_TRUE(std::isnan(few.low));
}

// Two clustered series that know nothing of each other: intervals of rows taken for independent
// would miss 0 in most of the pairs.
TEST(Inference, ClustersAreNotTakenForIndependentRows) {
    const int pairs = 120;
    int missed = 0, naive = 0, small_p = 0;
    for (int i = 0; i < pairs; ++i) {
        const Series a = clustered(100 + i, 1, 0.2), b = clustered(1100 + i, 1, 0.2);
        const Correlation c =
            correlate(a, b, Scope::within_epochs, {.resamples = 300, .permutations = 200}, run);
        missed += c.above_zero() || c.below_zero();
        small_p += c.p <= 0.05;
        // Fisher's interval of 300 rows.
        naive += std::abs(std::atanh(c.value)) > 1.96 / std::sqrt(297.0);
    }
    // 5 % are 6; percentiles of 20 clusters are somewhat short.
    EXPECT_LT(missed, 20);
    EXPECT_LT(small_p, 15);
    EXPECT_GT(naive, 60);
}

TEST(Inference, ALinkIsFound) {
    const Series a = clustered(5, 1, 1);
    Series b = a;
    Rng rng(77, 1, 1);
    for (double& value : b.values) value = 2 * value + 0.5 * rng.normal();
    for (const Scope scope :
         {Scope::all_epochs, Scope::within_epochs, Scope::within_iterations, Scope::final_epoch})
        for (const bool ranks : {false, true}) {
            const Correlation c = correlate(
                a, b, scope, {.resamples = 300, .permutations = 199, .ranks = ranks}, run);
            EXPECT_GT(c.low, 0.8) << name(scope);
            EXPECT_LT(c.low, c.value);
            EXPECT_GT(c.high, c.value);
            EXPECT_DOUBLE_EQ(c.p, 1.0 / 200) << name(scope);
        }
}

// What both owe to training time alone is a correlation over all epochs and none within them.
TEST(Inference, TrainingTimeIsTakenOut) {
    Series a = clustered(11, 0, 1), b = clustered(12, 0, 1);
    for (size_t i = 0; i < a.values.size(); ++i) {
        a.values[i] += 4 * static_cast<double>(i % 3);
        b.values[i] += 4 * static_cast<double>(i % 3);
    }
    const Inference ask{.resamples = 400, .permutations = 400};
    const Correlation mixed = correlate(a, b, Scope::all_epochs, ask, run);
    EXPECT_GT(mixed.low, 0.8);
    EXPECT_LT(mixed.p, 0.01);
    const Correlation within = correlate(a, b, Scope::within_epochs, ask, run);
    EXPECT_LT(std::abs(within.value), 0.2);
    EXPECT_GT(within.p, 0.01);
}

TEST(Inference, MeansHaveTheirOwnSpread) {
    const Mean mean =
        mean_of(series(5, 1, 2, {9, 1, 9, 2, 9, 3, 9, 4, 9, 5}), Scope::final_epoch, 500, run);
    EXPECT_DOUBLE_EQ(mean.value, 3);
    EXPECT_NEAR(mean.deviation, std::sqrt(2.5), 1e-12);
    EXPECT_GT(mean.low, 1);
    EXPECT_LT(mean.low, 3);
    EXPECT_LT(mean.high, 5);
}

TEST(Inference, IsTheSameTwice) {
    const Series a = clustered(1, 1, 1), b = clustered(2, 1, 1);
    const Correlation one = correlate(a, b, Scope::all_epochs, {}, run),
                      two = correlate(a, b, Scope::all_epochs, {}, run);
    EXPECT_EQ(one.low, two.low);
    EXPECT_EQ(one.p, two.p);
}

}  // namespace
}  // namespace whence::experiment
