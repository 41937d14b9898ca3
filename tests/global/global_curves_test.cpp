#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "global/support.h"
#include "whence/core/error.h"
#include "whence/global/curves.h"

namespace whence::global {
namespace {

using test::Example;
using test::uniform_rows;

double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Sums of a few hundred numbers of size 1 in double.
constexpr double rounding = 1e-12;

double additive(std::span<const double> x) {
    return 3 * x[0] + x[1] * x[1] - std::sin(x[2]);
}

TEST(Dependence, OfAnAdditiveModelIsItsPart) {
    const Example e(3, uniform_rows(200, 3), additive);
    const Curve curve = dependence(e.task, 1, {.points = 9}, {});
    ASSERT_EQ(curve.grid.size(), 9U);
    for (size_t i = 0; i < 9; ++i)
        EXPECT_NEAR(curve.values[i] - curve.values[0],
                    std::pow(curve.grid[i], 2) - std::pow(curve.grid[0], 2), rounding);
    EXPECT_EQ(e.model.asked, 200 * 9);
}

// The twin: one row at a time, one point at a time.
TEST(Dependence, IsWhatOneRowAtATimeGives) {
    const auto formula = [](std::span<const double> x) {
        return x[0] * x[1] + std::exp(x[1] * x[2]);
    };
    const Example e(3, uniform_rows(37, 3), formula, 10);
    const Curve curve = dependence(e.task, 1, {.points = 5}, {});
    for (size_t point = 0; point < 5; ++point) {
        double sum = 0;
        for (int64_t row = 0; row < 37; ++row) {
            std::vector<double> x(e.task.row(row).begin(), e.task.row(row).end());
            x[1] = curve.grid[point];
            EXPECT_EQ(curve.lines[row][point], formula(x));
            sum += formula(x);
        }
        EXPECT_NEAR(curve.values[point], sum / 37, rounding);
    }
}

TEST(Dependence, CenteredLinesBeginAtZero) {
    const Example e(2, uniform_rows(20, 2), [](std::span<const double> x) { return x[0] * x[1]; });
    const Curve plain = dependence(e.task, 0, {.points = 4}, {});
    const Curve curve = dependence(e.task, 0, {.points = 4, .centered = true}, {});
    for (size_t row = 0; row < 20; ++row)
        for (size_t point = 0; point < 4; ++point)
            EXPECT_EQ(curve.lines[row][point], plain.lines[row][point] - plain.lines[row][0]);
    EXPECT_EQ(curve.values[0], 0);
    EXPECT_EQ(curve.standard_errors[0], 0);
}

TEST(Dependence, StandardErrorIsThatOfTheMean) {
    const Example e(2, {0, 1, 1, 3, 2, 8}, [](std::span<const double> x) { return x[0] + x[1]; });
    const Curve curve = dependence(e.task, 0, {}, {});
    // 1, 3, 8: variance 13.
    EXPECT_NEAR(curve.standard_errors[0], std::sqrt(13.0 / 3), rounding);
}

TEST(Grid, QuantilesEqualStepsAndFewValues) {
    const Example e(1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 108}, additive);
    EXPECT_EQ(grid_of(e.task, 0, {.points = 3}), (std::vector<double>{0, 4.5, 108}));
    EXPECT_EQ(grid_of(e.task, 0, {.grid = GridKind::equal, .points = 3}),
              (std::vector<double>{0, 54, 108}));
    EXPECT_EQ(grid_of(e.task, 0, {.points = 10}).size(), 10U);
    EXPECT_THROW((void)grid_of(e.task, 0, {.points = 1}), Error);
    EXPECT_THROW((void)parse_grid("random"), Error);
}

TEST(Grid, CategoriesThatOccurAndNoMissingValues) {
    Example e(2, {2, NAN, 0, 1, 2, 5}, additive);
    e.schema[0].categories = {"a", "b", "c"};
    e.schema[1].allows_missing = true;
    EXPECT_EQ(grid_of(e.task, 0, {}), (std::vector<double>{0, 2}));
    EXPECT_EQ(grid_of(e.task, 1, {}), (std::vector<double>{1, 5}));
}

TEST(AccumulatedEffects, OfAnAdditiveModelAreItsPart) {
    // Exact for any data, dependent ones too: column 2 is column 1.
    std::vector<double> rows = uniform_rows(300, 3);
    for (size_t i = 0; i < rows.size(); i += 3) rows[i + 2] = rows[i + 1];
    const Example e(3, rows, additive);
    const Curve curve = accumulated_effects(e.task, 1, {.points = 11}, {});
    ASSERT_EQ(curve.grid.size(), 11U);
    for (size_t i = 0; i < 11; ++i) {
        EXPECT_NEAR(curve.values[i] - curve.values[0],
                    std::pow(curve.grid[i], 2) - std::pow(curve.grid[0], 2), rounding);
        EXPECT_NEAR(curve.standard_errors[i], 0, 1e-7);  // root of rounding
    }
    EXPECT_EQ(e.model.asked, 2 * 300);
    EXPECT_EQ(std::accumulate(curve.counts.begin(), curve.counts.end(), int64_t{0}), 300);
}

// What partial dependence gets wrong where columns depend on each other: with x1 = x0 the model
// x0 x1 never sees them apart; the effect of x0 is x0^2 / 2, while partial dependence is flat.
TEST(AccumulatedEffects, StayWhereTheDataAre) {
    std::vector<double> rows;
    for (int i = 0; i <= 200; ++i) rows.insert(rows.end(), 2, i / 100.0 - 1);
    const Example e(2, rows, [](std::span<const double> x) { return x[0] * x[1]; });
    const Curve ale = accumulated_effects(e.task, 0, {.points = 41}, {});
    const double middle = ale.values[20];
    for (size_t i = 0; i < ale.grid.size(); ++i)
        // Within an interval of width h the rows' mean is at most h away from its middle.
        EXPECT_NEAR(ale.values[i] - middle, ale.grid[i] * ale.grid[i] / 2, 0.05) << i;
    const Curve pd = dependence(e.task, 0, {.points = 41}, {});
    for (const double value : pd.values) EXPECT_NEAR(value, 0, rounding);
}

// The twin: Apley and Zhu's formula as it stands, with its loops.
TEST(AccumulatedEffects, AreTheFormula) {
    const auto formula = [](std::span<const double> x) { return x[0] * x[1] + std::cos(3 * x[0]); };
    const Example e(2, uniform_rows(53, 2), formula, 7);
    const Curve curve = accumulated_effects(e.task, 0, {.points = 6}, {});
    std::vector<double> sum{0};
    double middle = 0;
    for (size_t k = 1; k < curve.grid.size(); ++k) {
        double effect = 0, rows = 0;
        for (int64_t i = 0; i < 53; ++i) {
            const double x = e.task.row(i)[0], y = e.task.row(i)[1];
            const bool inside =
                x <= curve.grid[k] && (x > curve.grid[k - 1] || (k == 1 && x == curve.grid[0]));
            if (!inside) continue;
            effect +=
                formula(std::vector{curve.grid[k], y}) - formula(std::vector{curve.grid[k - 1], y});
            ++rows;
        }
        EXPECT_EQ(curve.counts[k - 1], rows);
        sum.push_back(sum.back() + effect / rows);
        middle += rows * (sum[k - 1] + sum[k]) / 2;
    }
    for (size_t k = 0; k < sum.size(); ++k)
        EXPECT_NEAR(curve.values[k], sum[k] - middle / 53, rounding);
}

TEST(AccumulatedEffects, OfCategoriesMoveToTheNeighbours) {
    // f = 1, 4, 9 for a, b, c: the steps are 3 and 5 whoever is moved.
    Example e(2, {0, 0, 0, 0, 1, 0, 2, 0},
              [](std::span<const double> x) { return (x[0] + 1) * (x[0] + 1); });
    e.schema[0].categories = {"a", "b", "c"};
    const Curve curve = accumulated_effects(e.task, 0, {}, {});
    EXPECT_EQ(curve.grid, (std::vector<double>{0, 1, 2}));
    EXPECT_NEAR(curve.values[1] - curve.values[0], 3, rounding);
    EXPECT_NEAR(curve.values[2] - curve.values[1], 5, rounding);
    EXPECT_NEAR(2 * curve.values[0] + curve.values[1] + curve.values[2], 0, rounding);
    EXPECT_EQ(curve.counts, (std::vector<int64_t>{3, 2}));
    EXPECT_EQ(e.model.asked, 2 * 5);
}

TEST(Curves, OfAConstantColumnHaveOnePoint) {
    const Example e(2, {5, 1, 5, 2, 5, 3}, [](std::span<const double> x) { return x[0] * x[1]; });
    const Curve pd = dependence(e.task, 0, {}, {}), ale = accumulated_effects(e.task, 0, {}, {});
    EXPECT_EQ(pd.grid, std::vector<double>{5});
    EXPECT_NEAR(pd.values[0], 10, rounding);
    EXPECT_EQ(ale.grid, std::vector<double>{5});
    EXPECT_EQ(ale.values, std::vector<double>{0});
}

TEST(Curves, OfOneRowAndOfNothingKnown) {
    Example e(2, {5, NAN}, [](std::span<const double> x) { return x[0]; });
    e.schema[1].allows_missing = true;
    const Curve one = dependence(e.task, 0, {}, {});
    EXPECT_EQ(one.values, std::vector<double>{5});
    EXPECT_TRUE(std::isnan(one.standard_errors[0]));
    EXPECT_TRUE(dependence(e.task, 1, {}, {}).values.empty());
    EXPECT_TRUE(accumulated_effects(e.task, 1, {}, {}).values.empty());
}

TEST(Curves, LeaveMissingValuesWhereTheyAre) {
    Example e(2, {NAN, 1, 1, 1, 2, 1, 3, 1},
              [](std::span<const double> x) { return std::isnan(x[0]) ? 100 : x[0] * x[1]; });
    e.schema[0].allows_missing = true;
    EXPECT_EQ(dependence(e.task, 0, {}, {}).values, (std::vector<double>{1, 2, 3}));
    // One interval (1, 2] with two rows, (2, 3] with one; nobody was moved from NaN.
    const Curve ale = accumulated_effects(e.task, 0, {.points = 3}, {});
    EXPECT_EQ(std::accumulate(ale.counts.begin(), ale.counts.end(), int64_t{0}), 3);
    EXPECT_NEAR(ale.values.back() - ale.values.front(), 2, rounding);
}

TEST(Curves, SameBitsForAnyThreadsAndBatches) {
    const auto curves = [](int threads, int64_t batch) {
        const Example e(3, uniform_rows(101, 3), additive, batch);
        const whence::Run run{.threads = threads};
        std::vector<double> out = dependence(e.task, 2, {}, run).values;
        std::ranges::copy(accumulated_effects(e.task, 2, {}, run).values, std::back_inserter(out));
        return out;
    };
    EXPECT_EQ(curves(1, 64), curves(2, 64));
    EXPECT_EQ(curves(1, 64), curves(8, 1000));
    EXPECT_EQ(curves(1, 64), curves(1, 7));
}

TEST(Curves, StopWhenAsked) {
    const Example e(3, uniform_rows(50, 3), additive);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW((void)dependence(e.task, 0, {}, {.stop = stop.get_token()}), Error);
    EXPECT_THROW((void)accumulated_effects(e.task, 0, {}, {.stop = stop.get_token()}), Error);
}

TEST(Curves, RefuseATableWithoutRows) {
    const Example e(2, {}, additive);
    EXPECT_THROW((void)dependence(e.task, 0, {}, {}), Error);
}

TEST(SampledRows, AreDifferentAndRising) {
    const std::vector<int64_t> rows = sampled_rows(100, 30, {.seed = 4});
    ASSERT_EQ(rows.size(), 30U);
    EXPECT_TRUE(std::ranges::is_sorted(rows, std::less_equal<>{}) &&
                std::ranges::adjacent_find(rows) == rows.end());
    EXPECT_NE(rows, sampled_rows(100, 30, {.seed = 5}));
    EXPECT_EQ(sampled_rows(3, 30, {}), (std::vector<int64_t>{0, 1, 2}));
}

TEST(Mean, OfPredictionsIsThatOfTheRows) {
    const Example e(3, uniform_rows(10, 3), additive);
    double sum = 0;
    for (int64_t i = 0; i < 10; ++i) sum += additive(e.task.row(i));
    EXPECT_NEAR(mean(predictions(e.task, {})), sum / 10, rounding);
}

}  // namespace
}  // namespace whence::global
