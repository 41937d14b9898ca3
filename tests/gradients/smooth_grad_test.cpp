#include "whence/gradients/smooth_grad.h"

#include <gtest/gtest.h>

#include "gradients/net_model.h"
#include "whence/gradients/saliency.h"

namespace whence {
namespace {

using namespace fakes;
using Statistic = SmoothGradOptions::Statistic;

constexpr double accumulated = 1e-12;

Explanation explain(const FunctionModel& model, const Vector& x, SmoothGradOptions options,
                    uint64_t seed = 0) {
    whence::Run run;
    run.seed = seed;
    return SmoothGrad(model, std::move(options)).explain(batch_of(x), {}, run);
}

// Of a quadratic the gradient is Qx + b, so with noise of deviation s its mean is the gradient and
// its variance s^2 times the sum of the squares of a row of Q.
TEST(SmoothGrad, MomentsOfAQuadraticAreKnown) {
    const Quadratic f = Quadratic::random(4, 1);
    const FunctionModel model = f.model();
    const Vector x = {1, -1, 0.5, 0.25}, gradient = f.gradient(x);
    const double deviation = 0.3 * 2;  // a share of max - min
    constexpr int64_t samples = 20000;
    const auto with = [&](Statistic statistic) {
        return explain(model, x, {.statistic = statistic, .samples = samples, .noise = 0.3});
    };
    const Explanation mean = with(Statistic::mean);
    const Vector means = values_of(mean), squares = values_of(with(Statistic::square)),
                 variances = values_of(with(Statistic::variance));
    for (size_t i = 0; i < x.size(); ++i) {
        double variance = 0;
        for (const double q : f.q[i]) variance += q * q * deviation * deviation;
        const double error = std::sqrt(variance / samples);
        EXPECT_NEAR(means[i], gradient[i], 5 * error);
        EXPECT_NEAR(mean.attribution.standard_errors[i], error, 0.05 * error);
        // Variances of normal samples err by sqrt(2 / n) of themselves.
        EXPECT_NEAR(variances[i], variance, 5 * variance * std::sqrt(2.0 / samples));
        EXPECT_NEAR(squares[i], means[i] * means[i] + variances[i], 1e-9 * (1 + squares[i]));
    }
}

TEST(SmoothGrad, WithoutNoiseIsTheGradient) {
    const FunctionModel model = Net::random({5, 9, 2}, Net::Kind::tanh, 4).model();
    const Vector x = random_input(5, 1);
    const Vector gradient =
        values_of(Saliency(model, {.absolute = false}).explain(batch_of(x), {}, plain_run));
    const Explanation e = explain(model, x, {.noise = 0});
    EXPECT_LE(largest_difference(values_of(e), gradient), accumulated);
    EXPECT_TRUE(has_note(e, "the noise is zero"));
    const Vector variance =
        values_of(explain(model, x, {.statistic = Statistic::variance, .noise = 0}));
    EXPECT_LE(largest_difference(variance, Vector(5, 0.0)), accumulated);
    // An input that is one number everywhere has no range to take a share of.
    EXPECT_TRUE(has_note(explain(model, Vector(5, 2.0), {}), "the noise is zero"));
}

TEST(SmoothGrad, IsTheSameForEveryBatchSizeAndOtherForEverySeed) {
    FunctionModel model = Net::random({5, 9, 2}, Net::Kind::relu, 4).model();
    const Vector x = random_input(5, 1);
    const Vector once = values_of(explain(model, x, {}, 3));
    for (const int64_t batch : {1, 7, 64}) {
        model.batch = batch;
        EXPECT_EQ(values_of(explain(model, x, {}, 3)), once);
    }
    EXPECT_GT(largest_difference(values_of(explain(model, x, {}, 4)), once), 1e-6);
}

TEST(SmoothGrad, CountsAndClaimsNothing) {
    const FunctionModel model = Net::random({5, 9, 2}, Net::Kind::relu, 4).model();
    const Explanation e = explain(model, random_input(5, 1), {.samples = 11});
    EXPECT_EQ(e.provenance.gradient_evaluations, 11);
    EXPECT_EQ(model.gradient_rows, 11);
    EXPECT_EQ(e.provenance.evaluations, 1);
    EXPECT_FALSE(e.diagnostics.attribution_error.has_value());
    EXPECT_FALSE(e.diagnostics.no_error_because.empty());
}

TEST(SmoothGrad, RefusesWhatMakesNoSense) {
    const FunctionModel model = Net::random({2, 1}, Net::Kind::relu, 1).model();
    for (const SmoothGradOptions& options :
         {SmoothGradOptions{.samples = 0}, SmoothGradOptions{.samples = 2'000'000},
          SmoothGradOptions{.noise = -1}, SmoothGradOptions{.noise = std::nan("")},
          SmoothGradOptions{.statistic = Statistic::variance, .samples = 1}})
        EXPECT_NE(message_of(ErrorKind::usage, [&] { SmoothGrad(model, options); }).find(" from "),
                  std::string::npos);
}

}  // namespace
}  // namespace whence
