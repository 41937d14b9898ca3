// Random subsets: the worked example of docs/metrics/faithfulness.md, and slow twins.

#include <gtest/gtest.h>

#include <cmath>

#include "metrics/support.h"
#include "whence/metrics/statistics.h"
#include "whence/metrics/subsets.h"

namespace whence::metrics {
namespace {

using namespace test;

constexpr double rounding = 1e-12;

TEST(Subsets, WorkedExample) {
    const std::vector<std::vector<int32_t>> two = {{0}, {1, 2}}, three = {{0}, {1}, {2}};
    EXPECT_NEAR(worked_example().score(Infidelity({.subsets = two})).value, 0, rounding);
    // a = 3, 3 and b = 4, 3.
    const Example off = worked_example({3, 2, 1});
    EXPECT_NEAR(off.score(Infidelity({.subsets = two})).value, 0.5, rounding);
    // beta = 21/18.
    EXPECT_NEAR(off.score(Infidelity({.scaled = true, .subsets = two})).value, 0.25, rounding);
    // a = 1, 2, 3 and b = 4, 2, 1.
    EXPECT_NEAR(worked_example({1, 2, 3}).score(FaithfulnessCorrelation({.subsets = three})).value,
                -3 / std::sqrt(2 * 42.0 / 9), rounding);
}

TEST(Subsets, ExactValuesOfALinearModelAreFaithful) {
    const Example e = worked_example();
    const Score n = e.score(SensitivityN());
    EXPECT_NEAR(n.value, 1, rounding);
    EXPECT_EQ(n.x, (std::vector<double>{1, 2}));  // of 3 players
    EXPECT_NEAR(e.score(FaithfulnessCorrelation()).value, 1, rounding);
    EXPECT_NEAR(e.score(Infidelity()).value, 0, rounding);
}

TEST(Subsets, TwinOfSensitivityN) {
    const Example e = entangled_example(2, 9);
    const SensitivityN metric({.fractions = {0.2, 0.5}, .samples = 20});
    const Metric* one = &metric;
    whence::Run run;
    run.seed = 11;
    const Scores scores = evaluate(e.model, e.explained(), {&one, 1}, run);
    Questions draws(e.model, e.explained());
    for (int64_t i = 0; i < 2; ++i) {
        const double whole = without(e, i, {}, entangled);
        double sum = 0;
        for (const int64_t size : {2, 5}) {  // 1.8 and 4.5, rounded
            std::vector<double> said, worth;
            for (int64_t r = 0; r < 20; ++r) {
                const auto s = draws.players_of(draws.random(i, r, 11)).first(size);
                double a = 0;
                for (const int32_t player : s) a += e.values[i][player];
                said.push_back(a);
                worth.push_back(whole - without(e, i, s, entangled));
            }
            sum += pearson(said, worth);
        }
        EXPECT_NEAR(scores.of[0][i].value, sum / 2, rounding) << i;
    }
}

// The standard error says how far other seeds are: within four of them.
TEST(Subsets, StandardErrorsHold) {
    const Example e = entangled_example(1, 12);
    whence::Run many;
    many.seed = 1;
    const double truth = e.score(Infidelity({.samples = 20000}), many).value;
    for (uint64_t seed = 2; seed < 12; ++seed) {
        whence::Run run;
        run.seed = seed;
        const Score score = e.score(Infidelity({.samples = 400}), run);
        ASSERT_TRUE(score.standard_error);
        EXPECT_GT(*score.standard_error, 0);
        EXPECT_LT(std::abs(score.value - truth), 4 * *score.standard_error) << seed;
    }
}

TEST(Subsets, WhatDoesNotVaryHasNoCorrelation) {
    const Example flat = worked_example({1, 1, 1});
    for (const Score& score : {flat.score(SensitivityN()), flat.score(FaithfulnessCorrelation())}) {
        EXPECT_TRUE(std::isnan(score.value));
        EXPECT_FALSE(score.undefined_because.empty());
    }
    const Example one_player({{2}}, {{2}}, [](std::span<const double> x) { return x[0]; });
    EXPECT_TRUE(std::isnan(one_player.score(SensitivityN()).value));
    EXPECT_EQ(one_player.score(Infidelity()).value, 0);
}

TEST(Subsets, Refusals) {
    const Example e = worked_example();
    error_of(ErrorKind::usage, [&] { return e.score(SensitivityN({.fractions = {1}})); });
    error_of(ErrorKind::usage, [&] { return e.score(SensitivityN({.fractions = {}})); });
    error_of(ErrorKind::usage, [&] { return e.score(SensitivityN({.samples = 2})); });
    error_of(ErrorKind::usage, [&] { return e.score(FaithfulnessCorrelation({.fraction = 0})); });
    error_of(ErrorKind::usage, [&] { return e.score(Infidelity({.samples = 1})); });
    error_of(ErrorKind::usage, [&] { return e.score(Infidelity({.subsets = {{0}, {3}}})); });
    error_of(ErrorKind::usage, [&] { return e.score(Infidelity({.subsets = {{0}, {1, 1}}})); });
}

}  // namespace
}  // namespace whence::metrics
