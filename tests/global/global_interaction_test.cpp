#include <gtest/gtest.h>

#include "global/support.h"
#include "whence/core/error.h"
#include "whence/global/interaction.h"

namespace whence::global {
namespace {

using test::Example;
using test::uniform_rows;

// Every combination of -1, 0, 1 in three columns: independent, of mean 0.
std::vector<double> cube() {
    std::vector<double> out;
    for (const double a : {-1, 0, 1})
        for (const double b : {-1, 0, 1})
            for (const double c : {-1, 0, 1}) out.insert(out.end(), {a, b, c});
    return out;
}

TEST(Interaction, OfAnAdditiveModelIsNothing) {
    const Example e(3, uniform_rows(30, 3),
                    [](std::span<const double> x) { return 7 + 3 * x[0] + std::exp(x[1]); });
    const InteractionStrengths found = interaction(e.task, {0, 1, 2}, {}, {});
    for (const auto& total : found.totals) EXPECT_EQ(total.h, 0);
    ASSERT_EQ(found.pairs.size(), 3U);
    for (const auto& pair : found.pairs) EXPECT_EQ(pair.interaction.h, 0);
    EXPECT_EQ(e.model.asked, 30 * 30 * (2 * 3 + 3) + 30);
}

TEST(Interaction, OfAProductIsAll) {
    const Example e(3, cube(), [](std::span<const double> x) { return x[0] * x[1]; });
    const InteractionStrengths found = interaction(e.task, {0, 1, 2}, {}, {});
    EXPECT_NEAR(found.totals[0].h, 1, 1e-12);
    EXPECT_NEAR(found.totals[1].h, 1, 1e-12);
    EXPECT_NEAR(found.totals[2].h, 0, 1e-12);
    EXPECT_EQ(found.pairs[0].first, 0);
    EXPECT_EQ(found.pairs[0].second, 1);
    EXPECT_NEAR(found.pairs[0].interaction.h, 1, 1e-12);
    // The standard deviation of x0 x1: the root of (2/3)^2.
    EXPECT_NEAR(found.pairs[0].interaction.strength, 2 / 3.0, 1e-12);
    EXPECT_EQ(found.pairs[1].interaction.h, 0);
}

// f = x0 + x0 x1: variances 2/3 and 4/9 on the cube; H^2 of the pair is 4/9 / (2/3 + 4/9) = 0.4.
TEST(Interaction, OfASumAndAProductIsItsShare) {
    const Example e(3, cube(), [](std::span<const double> x) { return x[0] + x[0] * x[1]; });
    const InteractionStrengths found = interaction(e.task, {0, 1, 2}, {}, {});
    EXPECT_NEAR(std::pow(found.pairs[0].interaction.h, 2), 0.4, 1e-12);
    EXPECT_NEAR(std::pow(found.totals[1].h, 2), 0.4, 1e-12);
}

// The twin: equation 44 with its loops.
TEST(Interaction, IsTheFormula) {
    const auto f = [](double a, double b, double c) { return a * b + std::sin(a + 2 * b * c) + c; };
    const Example e(
        3, uniform_rows(12, 3), [&](std::span<const double> x) { return f(x[0], x[1], x[2]); }, 5);
    const auto x = [&](int i, int j) { return e.task.row(i)[j]; };
    std::vector<double> pair(12), first(12), second(12);
    for (int i = 0; i < 12; ++i)
        for (int k = 0; k < 12; ++k) {
            pair[i] += f(x(i, 0), x(i, 1), x(k, 2)) / 12;
            first[i] += f(x(i, 0), x(k, 1), x(k, 2)) / 12;
            second[i] += f(x(k, 0), x(i, 1), x(k, 2)) / 12;
        }
    const auto mean = [](const std::vector<double>& v) {
        double sum = 0;
        for (const double value : v) sum += value;
        return sum / 12;
    };
    const double m = mean(pair), m1 = mean(first), m2 = mean(second);
    double above = 0, below = 0;
    for (int i = 0; i < 12; ++i) {
        above += std::pow((pair[i] - m) - (first[i] - m1) - (second[i] - m2), 2);
        below += std::pow(pair[i] - m, 2);
    }
    const InteractionStrengths found = interaction(e.task, {0, 1}, {}, {});
    EXPECT_NEAR(found.pairs[0].interaction.h, std::sqrt(above / below), 1e-12);
}

TEST(Interaction, MeasuresPairsOfTheStrongest) {
    const Example e(4, uniform_rows(15, 4),
                    [](std::span<const double> x) { return x[3] * x[1] + 0.1 * x[0] * x[2]; });
    const InteractionStrengths found = interaction(e.task, {0, 1, 2, 3}, {.top = 2}, {});
    ASSERT_EQ(found.pairs.size(), 1U);
    EXPECT_EQ(found.pairs[0].first, 1);
    EXPECT_EQ(found.pairs[0].second, 3);
    EXPECT_THROW((void)interaction(e.task, {0}, {.top = 0}, {}), Error);
}

TEST(Interaction, OfAConstantModelAndOfOneRow) {
    const Example constant(2, {1, 2, 3, 4}, [](std::span<const double>) { return 5; });
    EXPECT_EQ(interaction(constant.task, {0, 1}, {}, {}).pairs[0].interaction.h, 0);
    const Example one(2, {1, 2}, [](std::span<const double> x) { return x[0] * x[1]; });
    EXPECT_EQ(interaction(one.task, {0, 1}, {}, {}).pairs[0].interaction.h, 0);
}

TEST(Interaction, SameBitsForAnyThreadsAndBatches) {
    const auto values = [](int threads, int64_t batch) {
        const Example e(
            3, uniform_rows(20, 3),
            [](std::span<const double> x) { return x[0] * x[1] + std::exp(x[2] * x[0]); }, batch);
        std::vector<double> out;
        for (const auto& total : interaction(e.task, {0, 1, 2}, {}, {.threads = threads}).totals)
            out.push_back(total.h);
        return out;
    };
    EXPECT_EQ(values(1, 64), values(2, 64));
    EXPECT_EQ(values(1, 64), values(8, 999));
}

TEST(Interaction, StopsWhenAsked) {
    const Example e(2, {1, 2, 3, 4}, [](std::span<const double> x) { return x[0]; });
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW((void)interaction(e.task, {0, 1}, {}, {.stop = stop.get_token()}), Error);
}

}  // namespace
}  // namespace whence::global
