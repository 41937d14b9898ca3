// Curves: the worked example of docs/metrics/faithfulness.md, and slow twins.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "metrics/support.h"
#include "whence/metrics/axioms.h"
#include "whence/metrics/curves.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

using namespace test;

constexpr double rounding = 1e-12;

// Without the 0, 1, 2, 3 largest f is 7, 3, 1, 0; with only them 0, 4, 6, 7.
TEST(Curves, WorkedExample) {
    const Example e = worked_example();
    const StepOptions one{.step = 1};
    const Score deletion = e.score(Deletion(one));
    EXPECT_EQ(deletion.curve, (std::vector<double>{7, 3, 1, 0}));
    EXPECT_NEAR(deletion.value, 2.5, rounding);
    EXPECT_NEAR(e.score(Insertion(one)).value, 4.5, rounding);
    EXPECT_NEAR(e.score(PixelFlipping()).value, 4.0 / 3, rounding);
    EXPECT_NEAR(e.score(RegionPerturbation({.regions = 2})).value, 10.0 / 3, rounding);
    const FractionOptions thirds{.fractions = {1.0 / 3, 2.0 / 3}};
    EXPECT_NEAR(e.score(Sufficiency(thirds)).value, 2, rounding);
    EXPECT_NEAR(e.score(Comprehensiveness(thirds)).value, 5, rounding);
    EXPECT_NEAR(e.score(Irof()).value, 9.0 / 14, rounding);
    EXPECT_EQ(e.score(Monotonicity()).value, 1);
    EXPECT_EQ(e.score(Completeness()).value, 1);
    EXPECT_EQ(e.score(NonSensitivity()).value, 0);
}

// Each metric likes the wrong explanation less: none of them is a constant.
TEST(Curves, AWrongExplanationScoresWorse) {
    const Example right = worked_example(), wrong = worked_example({1, 2, 4});
    const StepOptions one{.step = 1};
    EXPECT_GT(wrong.score(Deletion(one)).value, right.score(Deletion(one)).value);
    EXPECT_LT(wrong.score(Insertion(one)).value, right.score(Insertion(one)).value);
    EXPECT_GT(wrong.score(PixelFlipping()).value, right.score(PixelFlipping()).value);
    EXPECT_LT(wrong.score(RegionPerturbation()).value, right.score(RegionPerturbation()).value);
    EXPECT_GT(wrong.score(Sufficiency()).value, right.score(Sufficiency()).value);
    EXPECT_LT(wrong.score(Comprehensiveness()).value, right.score(Comprehensiveness()).value);
    EXPECT_LT(wrong.score(Irof()).value, right.score(Irof()).value);
    EXPECT_EQ(worked_example({4, 2, 2}).score(Completeness()).value, 0);
    EXPECT_EQ(worked_example({7, 0, 0}).score(NonSensitivity()).value, 2);
}

// A player that lowers f comes in last, for its value is the largest: f falls.
TEST(Curves, MonotonicityFails) {
    const Example e({{1, 1, 1}}, {{4, 2, 1}},
                    [](std::span<const double> x) { return x[2] + x[1] - x[0]; });
    const Score score = e.score(Monotonicity());
    EXPECT_EQ(score.curve, (std::vector<double>{1, 2, 1}));
    EXPECT_EQ(score.value, 0);
}

TEST(Curves, TwinOfDeletionAndInsertionInSteps) {
    const Example e = entangled_example(1, 7);
    for (const int64_t step : {1, 2, 3, 7, 9}) {
        std::vector<int32_t> order(7);
        std::iota(order.begin(), order.end(), 0);
        std::ranges::sort(order, [&](int a, int b) { return e.values[0][a] > e.values[0][b]; });
        std::vector<double> x, gone, kept;
        for (int64_t k = 0;; k = std::min<int64_t>(k + step, 7)) {
            x.push_back(static_cast<double>(k) / 7);
            gone.push_back(without(e, 0, std::span(order).first(k), entangled));
            kept.push_back(without(e, 0, std::span(order).subspan(k), entangled));
            if (k == 7) break;
        }
        const Score deletion = e.score(Deletion({.step = step}));
        EXPECT_EQ(deletion.x, x);
        EXPECT_EQ(deletion.curve, gone) << step;
        EXPECT_NEAR(deletion.value, area_under(x, gone), rounding);
        EXPECT_EQ(e.score(Insertion({.step = step})).curve, kept) << step;
    }
}

TEST(Curves, IrofOfNothingIsNotDefined) {
    const Example e({{1, 1}}, {{1, 2}}, [](std::span<const double> x) { return x[0] - x[1]; });
    const Score score = e.score(Irof());
    EXPECT_TRUE(std::isnan(score.value));
    EXPECT_FALSE(score.undefined_because.empty());
}

TEST(Curves, NonSensitivityCountsBothWays) {
    // x1 is not used but has a value, x2 is used but has none.
    const Example e({{1, 1, 1}}, {{1, 1, 0}},
                    [](std::span<const double> x) { return x[0] + x[2]; });
    EXPECT_EQ(e.score(NonSensitivity()).value, 2);
}

TEST(Curves, CompletenessToleratesWhatItSays) {
    EXPECT_TRUE(additivity(10.009, 12, 2, 1e-3).complete);
    EXPECT_FALSE(additivity(10.011, 12, 2, 1e-3).complete);
    EXPECT_NEAR(*additivity(10.5, 12, 2, 1e-3).relative, 0.05, rounding);
    EXPECT_FALSE(additivity(0.5, 2, 2, 1e-3).relative.has_value());
    EXPECT_FALSE(additivity(0.5, 2, 2, 1e-3).complete);
    EXPECT_TRUE(additivity(0, 2, 2, 0).complete);
}

TEST(Curves, Pooled) {
    const std::vector<double> values = {1, 2, 3, 4, 9};
    const std::vector<int32_t> labels = {0, 1, 0, 1, -1}, gap = {0, 2, 0, 2, 2};
    EXPECT_EQ(pooled(values, labels, Pool::sum), (std::vector<double>{4, 6}));
    EXPECT_EQ(pooled(values, labels, Pool::mean), (std::vector<double>{2, 3}));
    error_of(ErrorKind::input, [&] { return pooled(values, gap, Pool::sum); });
    error_of(ErrorKind::input,
             [&] { return pooled(values, std::span(labels).first(2), Pool::sum); });
}

TEST(Curves, Refusals) {
    const Example e = worked_example();
    error_of(ErrorKind::usage, [&] { return e.score(Deletion({.step = -1})); });
    error_of(ErrorKind::usage, [&] { return e.score(RegionPerturbation({.regions = 0})); });
    error_of(ErrorKind::usage, [&] { return e.score(Sufficiency({.fractions = {}})); });
    error_of(ErrorKind::usage, [&] { return e.score(Comprehensiveness({.fractions = {1.5}})); });
    error_of(ErrorKind::usage, [&] { return e.score(Completeness({.tolerance = -1})); });
    error_of(ErrorKind::usage, [&] { return e.score(NonSensitivity({.change_below = NAN})); });
    error_of(ErrorKind::unsupported, [&] { return e.score(Road()); });
}

}  // namespace
}  // namespace whence::metrics
