#include "whence/gradients/taylor.h"

#include <gtest/gtest.h>

#include "gradients/net_model.h"
#include "whence/gradients/input_x_gradient.h"

namespace whence {
namespace {

using namespace fakes;
using About = TaylorOptions::About;

constexpr About everywhere[] = {About::input, About::baseline, About::midpoint};

// Sums of some hundred products in double.
constexpr double accumulated = 1e-12;
// A central difference of a linear gradient errs by rounding over the step alone:
// epsilon / cbrt(epsilon) = 4e-11, times numbers of about ten.
constexpr double differenced = 1e-9;

Explanation explain(const FunctionModel& model, const Vector& x, About about, int64_t order,
                    Baseline baseline = baseline::Value{0.5}) {
    return Taylor(model, {.about = about, .order = order, .baseline = std::move(baseline)})
        .explain(batch_of(x), {}, plain_run);
}

TEST(Taylor, AboutTheInputIsInputTimesGradient) {
    const FunctionModel model = Net::random({6, 12, 3}, Net::Kind::tanh, 1).model();
    const Vector x = random_input(6, 2);
    const Explanation e = explain(model, x, About::input, 1);
    const Explanation twin = InputXGradient(model, {.baseline = baseline::Value{0.5}})
                                 .explain(batch_of(x), {}, plain_run);
    EXPECT_EQ(values_of(e), values_of(twin));
    EXPECT_EQ(e.diagnostics.attribution_error, twin.diagnostics.attribution_error);
}

TEST(Taylor, EveryKindIsExactForAffineModels) {
    const FunctionModel model = Net::random({6, 2}, Net::Kind::relu, 1).model();
    for (const About about : everywhere)
        for (const int64_t order : {1, 2})
            EXPECT_NEAR(
                *explain(model, random_input(6, 4), about, order).diagnostics.attribution_error, 0,
                differenced);
}

// Of a quadratic the second order is everything, and the first about the midpoint too; the
// remainder of the first order about an end is half of d'Qd, with opposite signs at the two ends.
TEST(Taylor, RemaindersOfAQuadraticAreKnown) {
    const Quadratic f = Quadratic::random(5, 7);
    const FunctionModel model = f.model();
    const Vector x = random_input(5, 8);
    Vector d = x;
    for (double& v : d) v -= 0.5;
    double half = 0;
    for (size_t i = 0; i < d.size(); ++i)
        for (size_t j = 0; j < d.size(); ++j) half += d[i] * f.q[i][j] * d[j] / 2;
    ASSERT_GT(std::abs(half), 0.1);
    const auto error = [&](About about, int64_t order) {
        return *explain(model, x, about, order).diagnostics.attribution_error;
    };
    EXPECT_NEAR(error(About::input, 1), half, accumulated * 100);
    EXPECT_NEAR(error(About::baseline, 1), -half, accumulated * 100);
    EXPECT_NEAR(error(About::midpoint, 1), 0, accumulated * 100);
    for (const About about : everywhere) EXPECT_NEAR(error(about, 2), 0, differenced);
}

// Halving the distance divides a remainder of order p by 2^p.
TEST(Taylor, RemaindersShrinkWithTheirOrder) {
    const FunctionModel model = Net::random({6, 12, 1}, Net::Kind::tanh, 3).model();
    const Vector x0 = random_input(6, 5), step = random_input(6, 6);
    const auto error = [&](About about, int64_t order, double length) {
        Vector x = x0;
        for (size_t i = 0; i < x.size(); ++i) x[i] += length * step[i];
        return std::abs(*explain(model, x, about, order, baseline::Data{rows_tensor({x0}), "x0"})
                             .diagnostics.attribution_error);
    };
    const auto power = [&](About about, int64_t order) {
        return std::log2(error(about, order, 0.02) / error(about, order, 0.01));
    };
    EXPECT_NEAR(power(About::input, 1), 2, 0.2);
    EXPECT_NEAR(power(About::baseline, 1), 2, 0.2);
    EXPECT_NEAR(power(About::midpoint, 1), 3, 0.2);
    EXPECT_NEAR(power(About::input, 2), 3, 0.2);
    EXPECT_NEAR(power(About::baseline, 2), 3, 0.2);
}

TEST(Taylor, CountsWhatItAsks) {
    for (const About about : everywhere)
        for (const int64_t order : {1, 2}) {
            const FunctionModel model = Net::random({6, 12, 3}, Net::Kind::tanh, 1).model();
            const Explanation e = explain(model, random_input(6, 1), about, order);
            EXPECT_EQ(e.provenance.gradient_evaluations, model.gradient_rows);
            EXPECT_EQ(e.provenance.evaluations, model.forward_rows);
            EXPECT_EQ(model.gradient_rows, order == 2 && about != About::midpoint ? 3 : 1);
        }
}

TEST(Taylor, RefusesWhatItCannot) {
    const FunctionModel model = Net::random({2, 1}, Net::Kind::relu, 1).model();
    for (const int64_t order : {0, 3})
        EXPECT_NE(message_of(ErrorKind::usage, [&] { Taylor(model, {.order = order}); })
                      .find("order must be 1 or 2"),
                  std::string::npos);
    EXPECT_NE(message_of(ErrorKind::usage, [] { (void)TaylorOptions::parse_about("middle"); })
                  .find("input, baseline or midpoint"),
              std::string::npos);
}

}  // namespace
}  // namespace whence
