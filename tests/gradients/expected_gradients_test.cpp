#include "whence/gradients/expected_gradients.h"

#include <gtest/gtest.h>

#include "gradients/net_model.h"
#include "whence/gradients/integrated_gradients.h"

namespace whence {
namespace {

using namespace fakes;

Explanation explain(const DifferentiableModel& model, const Vector& x, const Tensor& background,
                    ExpectedGradientsOptions options = {}, uint64_t seed = 0) {
    whence::Run run;
    run.seed = seed;
    return ExpectedGradients(model, background, "rows", std::move(options))
        .explain(batch_of(x), {}, run);
}

std::vector<Vector> three_rows() {
    return {random_input(6, 11), random_input(6, 12), random_input(6, 13)};
}

// The slow twin: integrated gradients from every row, averaged.
TEST(ExpectedGradients, IsTheMeanOfIntegratedGradients) {
    const FunctionModel model = Net::random({6, 16, 2}, Net::Kind::relu, 5).model();
    const Vector x = random_input(6, 1);
    Vector twin(6, 0.0);
    for (const Vector& row : three_rows()) {
        const Vector one = values_of(
            IntegratedGradients(model, baseline::Data{rows_tensor({row}), "row"}, {.exact = true})
                .explain(batch_of(x), {}, plain_run));
        for (size_t i = 0; i < 6; ++i) twin[i] += one[i] / 3;
    }
    const Explanation e = explain(model, x, rows_tensor(three_rows()), {.samples = 5000});
    const Vector values = values_of(e);
    const Vector& errors = e.attribution.standard_errors;
    for (size_t i = 0; i < 6; ++i) {
        EXPECT_NEAR(values[i], twin[i], 5 * errors[i]);
        EXPECT_LT(errors[i], 0.1 * (1 + std::abs(twin[i])));  // else the line above says nothing
        EXPECT_GT(errors[i], 0);
    }
}

// Independent pairs would err by the standard errors stated, as a root mean square. Pairs that
// share out the way and the rows err by less, and on average by nothing.
TEST(ExpectedGradients, ErrsByLessThanItSays) {
    const FunctionModel model = Net::random({6, 16, 2}, Net::Kind::relu, 5).model();
    const Vector x = random_input(6, 1);
    const Tensor rows = rows_tensor(three_rows());
    const Vector truth = values_of(explain(model, x, rows, {.samples = 200000}));
    constexpr int seeds = 200;
    Vector mean(6, 0.0), squares(6, 0.0), said(6, 0.0);
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
        const Explanation e = explain(model, x, rows, {.samples = 60}, seed);
        for (size_t i = 0; i < 6; ++i) {
            const double error = values_of(e)[i] - truth[i];
            mean[i] += error / seeds;
            squares[i] += error * error / seeds;
            said[i] += e.attribution.standard_errors[i] * e.attribution.standard_errors[i] / seeds;
        }
    }
    for (size_t i = 0; i < 6; ++i) {
        EXPECT_LT(std::sqrt(squares[i] / said[i]), 0.3) << i;
        EXPECT_LT(std::abs(mean[i]), 4 * std::sqrt(squares[i] / seeds)) << i;
    }
}

TEST(ExpectedGradients, TargetIsTheMeanOverTheBackground) {
    const Net net = Net::random({6, 16, 2}, Net::Kind::relu, 5);
    const FunctionModel model = net.model();
    const Vector x = random_input(6, 1);
    const Explanation e = explain(model, x, rows_tensor(three_rows()), {.samples = 1});
    double mean = 0;
    for (const Vector& row : three_rows())
        mean += net.forward(row).back()[e.target.resolved.index] / 3;
    EXPECT_NEAR(*e.target.baseline_value, mean, 1e-12);
    EXPECT_TRUE(e.attribution.standard_errors.empty());  // one sample tells nothing of its error
    EXPECT_EQ(e.provenance.evaluations, 1 + 3);
    EXPECT_EQ(e.provenance.gradient_evaluations, 1);
}

// With an affine model each sample of one baseline is exact.
TEST(ExpectedGradients, HasNoErrorWhereThereIsNothingToSample) {
    const FunctionModel model = Net::random({6, 2}, Net::Kind::relu, 5).model();
    const Explanation e =
        explain(model, random_input(6, 1), rows_tensor({random_input(6, 2)}), {.samples = 20});
    EXPECT_NEAR(*e.diagnostics.attribution_error, 0, 1e-12);
    for (const double error : e.attribution.standard_errors) EXPECT_NEAR(error, 0, 1e-12);
    EXPECT_TRUE(has_note(e, "standard error"));
}

TEST(ExpectedGradients, IsTheSameForEveryBatchSizeAndOtherForEverySeed) {
    FunctionModel model = Net::random({6, 16, 2}, Net::Kind::relu, 5).model();
    const Vector x = random_input(6, 1);
    const Tensor rows = rows_tensor(three_rows());
    const ExpectedGradientsOptions noisy{.samples = 30, .noise = 0.1};
    const Vector once = values_of(explain(model, x, rows, noisy, 3));
    for (const int64_t batch : {1, 7, 64}) {
        model.batch = batch;
        EXPECT_EQ(values_of(explain(model, x, rows, noisy, 3)), once);
    }
    EXPECT_GT(largest_difference(values_of(explain(model, x, rows, noisy, 4)), once), 1e-6);
}

// An affine model again: with noise the sum explains f(x + e) - f(x0), so its mean stays and its
// variance is that of w . e.
TEST(ExpectedGradients, NoiseMovesTheInputToo) {
    const Net net = Net::random({6, 1}, Net::Kind::relu, 5);
    const FunctionModel model = net.model();
    const Vector x = random_input(6, 1), x0 = random_input(6, 2);
    constexpr int64_t samples = 4000;
    const Explanation e = explain(model, x, rows_tensor({x0}), {.samples = samples, .noise = 0.5});
    const auto [low, high] = std::ranges::minmax(x);
    for (size_t i = 0; i < 6; ++i) {
        const double weight = net.layers[0].weights[0][i];
        const double error = std::abs(weight) * 0.5 * (high - low) / std::sqrt(samples);
        EXPECT_NEAR(values_of(e)[i], weight * (x[i] - x0[i]), 5 * error);
        EXPECT_NEAR(e.attribution.standard_errors[i], error, 0.1 * error);
    }
    EXPECT_TRUE(has_note(e, "with noise"));
}

TEST(ExpectedGradients, RefusesAnotherBackground) {
    const FunctionModel model = Net::random({6, 2}, Net::Kind::relu, 5).model();
    const auto message = [&](const Tensor& rows) {
        return message_of(ErrorKind::input,
                          [&] { (void)explain(model, random_input(6, 1), rows); });
    };
    EXPECT_NE(message(rows_tensor({random_input(5, 2)})).find("has shape [1, 5]"),
              std::string::npos);
    EXPECT_NE(message(Tensor(ElementType::float64, {0, 6})).find("has shape [0, 6]"),
              std::string::npos);
    EXPECT_NE(message(Tensor(ElementType::int64, {2, 6})).find("of int64"), std::string::npos);
    EXPECT_NE(message(rows_tensor({Vector(6, std::nan(""))})).find("holds NaN"), std::string::npos);
}

}  // namespace
}  // namespace whence
