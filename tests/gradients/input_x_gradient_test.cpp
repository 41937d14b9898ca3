#include "whence/gradients/input_x_gradient.h"

#include <gtest/gtest.h>

#include "gradients/fakes.h"

namespace whence {
namespace {

using namespace fakes;

// Sums of some hundred products in double.
constexpr double accumulated = 1e-12;

// f = a * b + 1 at (2, 3): gradient (3, 2), values (6, 6); target f(x) - f(0) = 6, so the error
// is 6.
TEST(InputXGradient, WorkedExample) {
    const FunctionModel model(
        2, 1, [](const Vector& x) { return Vector{x[0] * x[1] + 1}; },
        [](const Vector& x, int64_t) {
            return Vector{x[1], x[0]};
        });
    const Explanation e = InputXGradient(model).explain(batch_of({2, 3}), {}, plain_run);
    EXPECT_EQ(e.attribution.values.to_doubles(), (Vector{6, 6}));
    EXPECT_EQ(e.target.value, 7);
    EXPECT_EQ(e.target.baseline_value, 1);
    EXPECT_EQ(e.diagnostics.attribution_error, 6);
    EXPECT_EQ(e.diagnostics.relative_error, 1);
    EXPECT_EQ(e.provenance.evaluations, 1);
    EXPECT_EQ(e.provenance.gradient_evaluations, 1);
    EXPECT_EQ(model.predictions, 0);
}

TEST(InputXGradient, IsExactForAffineModelsAndAnyBaseline) {
    const Net net = Net::random({7, 3}, Net::Kind::relu, 5);
    const FunctionModel model = net.model();
    for (const Baseline& baseline : {Baseline(baseline::Zeros{}), Baseline(baseline::Value{-2}),
                                     Baseline(baseline::Noise{})}) {
        const Explanation e = InputXGradient(model, {.baseline = baseline})
                                  .explain(batch_of(random_input(7, 1)), {}, plain_run);
        EXPECT_NEAR(*e.diagnostics.attribution_error, 0, accumulated) << describe(baseline);
    }
}

// Euler: a network of ReLU without biases is homogeneous of degree one.
TEST(InputXGradient, IsExactForReluWithoutBiasesAtZero) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
        const FunctionModel model =
            Net::random({10, 20, 15, 4}, Net::Kind::relu, seed, false).model();
        const Explanation e =
            InputXGradient(model).explain(batch_of(random_input(10, seed)), {}, plain_run);
        EXPECT_NEAR(*e.diagnostics.attribution_error, 0, accumulated);
    }
}

// Negative control: with biases it is not, and says so.
TEST(InputXGradient, StatesItsErrorWithBiases) {
    const FunctionModel model = Net::random({10, 20, 15, 4}, Net::Kind::relu, 3).model();
    const Explanation e =
        InputXGradient(model).explain(batch_of(random_input(10, 3)), {}, plain_run);
    EXPECT_GT(*e.diagnostics.relative_error, 1e-3);
}

}  // namespace
}  // namespace whence
