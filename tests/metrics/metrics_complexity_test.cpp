// The worked examples of docs/metrics/complexity.md, and what every attribution must keep.

#include <gtest/gtest.h>

#include <cmath>

#include "core/support.h"
#include "whence/metrics/attribution_error.h"
#include "whence/metrics/complexity.h"

namespace whence::metrics {
namespace {

using testing::error_of;
using Values = std::vector<double>;

constexpr double rounding = 1e-12;

TEST(Complexity, WorkedExample) {
    const Values values = {0, -1, 3, 0};
    // Ascending 0, 0, 1, 3 with weights -3, -1, 1, 3: 10 / (4 * 4).
    EXPECT_NEAR(sparseness(values), 0.625, rounding);
    // p = 1/4, 3/4.
    EXPECT_NEAR(complexity(values), -0.25 * std::log(0.25) - 0.75 * std::log(0.75), rounding);
    EXPECT_EQ(effective_complexity(values), 2);
    EXPECT_EQ(effective_complexity(values, 0.5), 1);
}

// Gini's index as half the mean difference over the mean: every pair.
TEST(Complexity, TwinOfSparseness) {
    Values values;
    for (int i = 0; i < 40; ++i) values.push_back(std::tan(1.7 * i));
    double pairs = 0, sum = 0;
    for (const double a : values) {
        sum += std::abs(a);
        for (const double b : values) pairs += std::abs(std::abs(a) - std::abs(b));
    }
    const auto n = static_cast<double>(values.size());
    EXPECT_NEAR(sparseness(values), pairs / (2 * n * sum), rounding);
}

TEST(Complexity, Ends) {
    for (const Values& equal : {Values{2, 2, -2}, Values{0, 0, 0}}) {
        EXPECT_EQ(sparseness(equal), 0);
        EXPECT_NEAR(complexity(equal), std::log(3), rounding);
    }
    EXPECT_NEAR(sparseness(Values{0, 5, 0}), 1 - 1.0 / 3, rounding);
    EXPECT_EQ(complexity(Values{0, 5, 0}), 0);
    EXPECT_EQ(effective_complexity(Values{0, 0}), 0);
    EXPECT_EQ(sparseness(Values{7}), 0);
    const Values huge = {1e308, 1e308, 1e308, 0}, plain = {1, 1, 1, 0};
    EXPECT_NEAR(sparseness(huge), sparseness(plain), rounding);
    EXPECT_NEAR(complexity(huge), complexity(plain), rounding);
}

TEST(Complexity, Refusals) {
    error_of(ErrorKind::input, [] { return sparseness(Values{}); });
    error_of(ErrorKind::input, [] { return complexity(Values{1, NAN}); });
    error_of(ErrorKind::usage, [] { return effective_complexity(Values{1}, 1); });
}

Explanation with_error(std::optional<double> error, std::optional<double> relative) {
    Explanation e;
    e.diagnostics.attribution_error = error;
    e.diagnostics.relative_error = relative;
    return e;
}

TEST(AttributionErrors, WorkedExample) {
    const std::vector<Explanation> all = {with_error(0.5, 0.1), with_error(-0.1, 0.005),
                                          with_error(0.3, std::nullopt),
                                          with_error(std::nullopt, std::nullopt)};
    const ErrorSummary s = attribution_errors(all);
    EXPECT_EQ(s.explanations, 4);
    EXPECT_EQ(s.stated, 3);
    EXPECT_EQ(s.relative_stated, 2);
    EXPECT_NEAR(s.mean_absolute, 0.3, rounding);
    EXPECT_NEAR(s.median_absolute, 0.3, rounding);
    EXPECT_EQ(s.largest_absolute, 0.5);
    EXPECT_NEAR(s.mean, 0.7 / 3, rounding);
    EXPECT_NEAR(s.root_mean_square, std::sqrt(0.35 / 3), rounding);
    EXPECT_NEAR(s.mean_relative, 0.0525, rounding);
    EXPECT_NEAR(s.median_relative, 0.0525, rounding);
    EXPECT_EQ(s.largest_relative, 0.1);
    EXPECT_EQ(s.within_tolerance, 0.5);
    EXPECT_EQ(attribution_errors(all, 0.2).within_tolerance, 1);
}

TEST(AttributionErrors, NothingStated) {
    const std::vector<Explanation> none = {with_error(std::nullopt, std::nullopt)};
    EXPECT_TRUE(std::isnan(attribution_errors(none).mean_absolute));
    EXPECT_TRUE(std::isnan(attribution_errors({}).within_tolerance));
    const std::vector<Explanation> broken = {with_error(NAN, std::nullopt)};
    error_of(ErrorKind::input, [&] { return attribution_errors(broken); });
    error_of(ErrorKind::usage, [&] { return attribution_errors(none, -1); });
}

}  // namespace
}  // namespace whence::metrics
