#include "whence/gradients/integrated_gradients.h"

#include <gtest/gtest.h>

#include <numbers>

#include "gradients/fakes.h"

namespace whence {
namespace {

using namespace fakes;
using gradients::QuadratureRule;
using Options = IntegratedGradientsOptions;

// Sums of some hundred products in double.
constexpr double accumulated = 1e-12;

double distance(const Vector& a, const Vector& b) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size(); ++i)
        difference += std::abs(a[i] - b[i]), size += std::abs(b[i]);
    return difference / size;
}

Explanation explain(const FunctionModel& model, const Vector& x, Options options = {},
                    Baseline baseline = baseline::Zeros{}, const Run& run = {}) {
    return IntegratedGradients(model, std::move(baseline), options).explain(batch_of(x), {}, run);
}

bool has_note(const Explanation& e, const std::string& part) {
    return std::ranges::any_of(e.diagnostics.notes,
                               [&](const std::string& n) { return n.find(part) != n.npos; });
}

// Sundararajan et al. 2017, section 2.1: f(x) = 1 - ReLU(1 - x) from 0 to 2. The gradient at 2 is
// 0, the attribution is 1.
FunctionModel saturating() {
    return FunctionModel(
        1, 1, [](const Vector& x) { return Vector{1 - std::max(0.0, 1 - x[0])}; },
        [](const Vector& x, int64_t) { return Vector{x[0] < 1 ? 1.0 : 0.0}; });
}

TEST(IntegratedGradients, WorkedExampleOfThePaper) {
    const FunctionModel model = saturating();
    const Explanation e = explain(model, {2});
    EXPECT_NEAR(e.attribution.values.to_doubles()[0], 1, 1e-3);
    EXPECT_EQ(e.target.value, 1);
    EXPECT_EQ(e.target.baseline_value, 0);
    EXPECT_TRUE(*e.diagnostics.converged);
    const Explanation exact = explain(model, {2}, {.exact = true});
    EXPECT_NEAR(exact.attribution.values.to_doubles()[0], 1, accumulated);
}

// a * b from 0 to (2, 3): the gradient at t is t (3, 2), so each gets 3.
TEST(IntegratedGradients, ProductIsSharedInHalves) {
    const FunctionModel model(
        2, 1, [](const Vector& x) { return Vector{x[0] * x[1]}; },
        [](const Vector& x, int64_t) {
            return Vector{x[1], x[0]};
        });
    for (const QuadratureRule rule : {QuadratureRule::midpoint, QuadratureRule::gauss_legendre, QuadratureRule::trapezoid}) {
        const Vector values =
            explain(model, {2, 3}, {.steps = 4, .rule = rule}).attribution.values.to_doubles();
        EXPECT_NEAR(values[0], 3, accumulated) << name(rule);
        EXPECT_NEAR(values[1], 3, accumulated) << name(rule);
    }
}

TEST(IntegratedGradients, EveryWayIsExactForAffineModels) {
    const FunctionModel model = Net::random({6, 2}, Net::Kind::relu, 1).model();
    for (const Baseline& baseline :
         {Baseline(baseline::Zeros{}), Baseline(baseline::Value{3}), Baseline(baseline::Noise{})})
        for (const Options& options :
             {Options{}, Options{.steps = 1}, Options{.steps = 3, .rule = QuadratureRule::gauss_legendre},
              Options{.steps = 2, .rule = QuadratureRule::trapezoid}, Options{.exact = true}}) {
            const Explanation e = explain(model, random_input(6, 4), options, baseline);
            EXPECT_NEAR(*e.diagnostics.attribution_error, 0, accumulated);
            EXPECT_TRUE(*e.diagnostics.converged);
        }
}

struct Case {
    const char* name;
    Net::Kind kind;
    std::vector<int64_t> widths;
};

void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
}

class RandomNets : public testing::TestWithParam<Case> {};

TEST_P(RandomNets, MeetTheToleranceAndTheMapTheyClaim) {
    for (uint64_t seed = 0; seed < 3; ++seed) {
        const FunctionModel model = Net::random(GetParam().widths, GetParam().kind, seed).model();
        const Vector x = random_input(GetParam().widths[0], seed);
        const Vector fine = explain(model, x, {.steps = 5000}).attribution.values.to_doubles();
        for (const double tolerance : {1e-1, 1e-2, 2e-3}) {
            const Explanation e = explain(model, x, {.tolerance = tolerance, .max_steps = 20000});
            EXPECT_TRUE(*e.diagnostics.converged);
            EXPECT_LE(*e.diagnostics.relative_error, tolerance);
            // The promise is five times the tolerance; the estimate behind it is a root mean
            // square, so single cases may be off by a factor.
            EXPECT_LE(distance(e.attribution.values.to_doubles(), fine), 4 * 5 * tolerance) << seed;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(, RandomNets,
                         testing::Values(Case{"relu", Net::Kind::relu, {8, 32, 32, 3}},
                                         Case{"relu_wide", Net::Kind::relu, {40, 200, 50, 3}},
                                         Case{"tanh", Net::Kind::tanh, {8, 32, 32, 3}}),
                         testing::PrintToStringParamName());

TEST(IntegratedGradients, CountsWhatItAsks) {
    const Net net = Net::random({8, 32, 32, 3}, Net::Kind::relu, 2);
    for (const Options& options : {Options{}, Options{.steps = 13}, Options{.exact = true}}) {
        const FunctionModel model = net.model();
        const Explanation e = explain(model, random_input(8, 2), options);
        EXPECT_EQ(e.provenance.gradient_evaluations, model.gradient_rows);
        EXPECT_EQ(e.provenance.evaluations, model.forward_rows);
        EXPECT_EQ(model.predictions, 0);
        EXPECT_LE(model.largest, model.batch);
    }
}

TEST(IntegratedGradients, HoldsTheTopClassOfTheInputAlongThePath) {
    // At the baseline class 0 leads, at the input class 1.
    const FunctionModel model(
        1, 2,
        [](const Vector& x) {
            return Vector{1, 3 * x[0]};
        },
        [](const Vector&, int64_t k) { return Vector{k == 0 ? 0.0 : 3.0}; });
    for (const Options& options : {Options{}, Options{.steps = 2}, Options{.exact = true}}) {
        const Explanation e = explain(model, {1}, options);
        EXPECT_EQ(e.target.resolved.index, 1);
        EXPECT_NEAR(e.attribution.values.to_doubles()[0], 3, accumulated);
    }
}

TEST(IntegratedGradients, SpentBudgetIsStated) {
    const FunctionModel model = Net::random({8, 64, 64, 3}, Net::Kind::relu, 4).model();
    for (const int64_t budget : {2, 5, 9, 20}) {
        const Explanation e =
            explain(model, random_input(8, 4), {.tolerance = 1e-9, .max_steps = budget});
        EXPECT_FALSE(*e.diagnostics.converged);
        EXPECT_LE(e.provenance.gradient_evaluations, budget);
        EXPECT_TRUE(has_note(e, "budget"));
    }
}

// A step between two nodes that no gradient sees: only the output tells.
TEST(IntegratedGradients, LooksWhereTheOutputChangesEvenIfNoGradientTellsSo) {
    const auto bump = [](double x) { return 1 / (1 + std::exp(-400 * (x - 0.43))); };
    const FunctionModel model(
        1, 1, [&](const Vector& x) { return Vector{bump(x[0])}; },
        [&](const Vector& x, int64_t) { return Vector{400 * bump(x[0]) * (1 - bump(x[0]))}; });
    const Explanation e = explain(model, {1});
    EXPECT_TRUE(*e.diagnostics.converged);
    EXPECT_NEAR(e.attribution.values.to_doubles()[0], 1, 1e-3);
}

// Contributions of two features cancel in the sum at every node: the sum is right from the start,
// the map is not. The stop must not fall for it.
TEST(IntegratedGradients, DoesNotStopBecauseErrorsCancel) {
    const auto wave = [](double t) { return std::sin(2 * std::numbers::pi * 5 * t); };
    const FunctionModel model(
        2, 1, [&](const Vector& x) { return Vector{x[0]}; },
        [&](const Vector& x, int64_t) {
            return Vector{1 + 4 * wave(x[0] + 0.01), -4 * wave(x[0] + 0.01)};
        });
    const Explanation e = explain(model, {1, 1});
    EXPECT_GT(e.provenance.gradient_evaluations, 32);
    EXPECT_NEAR(e.attribution.values.to_doubles()[0], 1, 0.01);
}

// Negative control: a gradient wrong by a factor must be noticed, not hidden.
TEST(IntegratedGradients, WrongGradientIsExposed) {
    const Net net = Net::random({8, 32, 3}, Net::Kind::relu, 6);
    const FunctionModel wrong(
        8, 3, [&](const Vector& x) { return net.forward(x).back(); },
        [&](const Vector& x, int64_t k) {
            Vector g = net.gradient(x, k);
            for (double& v : g) v *= 1.25;
            return g;
        });
    for (const Options& options : {Options{.max_steps = 256}, Options{.steps = 50}}) {
        const Explanation e = explain(wrong, random_input(8, 6), options);
        EXPECT_FALSE(*e.diagnostics.converged);
        EXPECT_NEAR(*e.diagnostics.relative_error, 0.25, 0.05);
    }
    EXPECT_TRUE(has_note(explain(wrong, random_input(8, 6)), "gradient is wrong"));
}

TEST(IntegratedGradients, InputEqualToTheBaseline) {
    const FunctionModel model = Net::random({4, 8, 2}, Net::Kind::relu, 7).model();
    for (const Options& options : {Options{}, Options{.steps = 3}, Options{.exact = true}}) {
        const Explanation e = explain(model, {0, 0, 0, 0}, options);
        EXPECT_EQ(e.attribution.values.to_doubles(), (Vector{0, 0, 0, 0}));
        EXPECT_FALSE(e.diagnostics.relative_error.has_value());
        EXPECT_TRUE(*e.diagnostics.converged);
        EXPECT_TRUE(has_note(e, "does not separate"));
    }
}

TEST(IntegratedGradients, ConstantModelGivesZeros) {
    const FunctionModel model(
        3, 1, [](const Vector&) { return Vector{5}; },
        [](const Vector&, int64_t) {
            return Vector{0, 0, 0};
        });
    for (const Options& options : {Options{}, Options{.exact = true}}) {
        const Explanation e = explain(model, {1, 2, 3}, options);
        EXPECT_EQ(e.attribution.values.to_doubles(), (Vector{0, 0, 0}));
        EXPECT_TRUE(*e.diagnostics.converged);
    }
}

TEST(IntegratedGradients, SameBitsForAnyThreadsAndInEveryRun) {
    const FunctionModel model = Net::random({8, 64, 64, 3}, Net::Kind::relu, 8).model();
    for (const Options& options : {Options{}, Options{.exact = true}}) {
        const Tensor one =
            explain(model, random_input(8, 8), options, {}, {.threads = 1}).attribution.values;
        EXPECT_EQ(
            one,
            explain(model, random_input(8, 8), options, {}, {.threads = 2}).attribution.values);
    }
}

TEST(IntegratedGradients, WritesDownEveryOption) {
    const FunctionModel model = saturating();
    const Explanation e = explain(model, {2}, {.steps = 5, .rule = QuadratureRule::trapezoid},
                                  baseline::Value{0.5}, {.seed = 9});
    EXPECT_EQ(e.provenance.method, "integrated-gradients");
    EXPECT_EQ(e.provenance.seed, 9U);
    EXPECT_EQ(e.target.baseline, "value:0.5");
    EXPECT_EQ(e.provenance.options.size(), 8U);
}

TEST(IntegratedGradients, ReportsProgressUpToTheEnd) {
    const FunctionModel model = saturating();
    int64_t last = 0, total = 0;
    whence::Run run;
    run.progress = [&](std::string_view, int64_t done, int64_t of) {
        EXPECT_GT(done, last);
        EXPECT_GE(of, done);
        last = done, total = of;
    };
    (void)explain(model, {2}, {.steps = 10}, {}, run);
    EXPECT_EQ(last, 12);
    EXPECT_EQ(total, 12);
}

}  // namespace
}  // namespace whence
