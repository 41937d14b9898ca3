// Robustness: the worked example, a slow twin that explains one input at a time, Quantus and
// captum.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "metrics/support.h"
#include "metrics/tanh_model.h"
#include "whence/core/rng.h"
#include "whence/metrics/robustness.h"

namespace whence::metrics {
namespace {

using namespace test;
using testing::expect_within;

// Quantus and captum compute in float32; the relative stabilities divide differences of it.
constexpr double float32 = 2e-5, divided = 2e-3;

// f(x) = x0^2 + x1 at (1, 2), its gradient (2 x0, 1), two neighbours given.
Batch example_input() {
    return Batch({{"x", Tensor::of<double>({1, 2}, {1, 2})}});
}
std::vector<std::vector<double>> example_gradient(const Batch& inputs, const Run&) {
    std::vector<std::vector<double>> all;
    for (int64_t row = 0; row < inputs.rows(); ++row)
        all.push_back({2 * inputs[0].value.as<double>()[2 * row], 1});
    return all;
}
const testing::FormulaModel example_model({-1, 2}, ElementType::float64,
                                          [](std::span<const double> x) {
                                              return x[0] * x[0] + x[1];
                                          });
Neighbours example(const Run& run = plain_run) {
    return explain_neighbours(example_gradient, example_input(), "x",
                              {.samples = 2, .given = {{0.5, 0}, {0, 1}}},
                              {.model = &example_model, .target = {.output = "y"}}, run);
}

TEST(Robustness, WorkedExample) {
    const Neighbours near = example();
    // phi = (2, 1); at (1.5, 2): (3, 1); at (1, 3): (2, 1).
    const double root5 = std::sqrt(5.0);
    EXPECT_DOUBLE_EQ(max_sensitivity(near)[0].value, 1 / root5);
    EXPECT_DOUBLE_EQ(avg_sensitivity(near)[0].value, 0.5 / root5);
    EXPECT_DOUBLE_EQ(avg_sensitivity(near)[0].standard_error.value(), 0.5 / root5);
    EXPECT_DOUBLE_EQ(local_lipschitz(near)[0].value, 2);
    // (1/2, 0) over (0.5, 0) of the input, and over 2.25 + 2 - 3 of f.
    EXPECT_DOUBLE_EQ(relative_input_stability(near)[0].value, 1);
    EXPECT_DOUBLE_EQ(relative_output_stability(near)[0].value, 0.4);
    Neighbours with_layer = near;
    with_layer.representations = {{1}, {2.25}, {1}};
    EXPECT_DOUBLE_EQ(relative_representation_stability(with_layer)[0].value, 0.4);
}

TEST(Robustness, ConstantExplanationIsPerfect) {
    const Explainer constant = [](const Batch& inputs, const whence::Run&) {
        return std::vector<std::vector<double>>(inputs.rows(), {3, -1});
    };
    const Neighbours near =
        explain_neighbours(constant, example_input(), "x", {.samples = 5}, {}, plain_run);
    EXPECT_EQ(max_sensitivity(near)[0].value, 0);
    EXPECT_EQ(avg_sensitivity(near)[0].value, 0);
    EXPECT_EQ(local_lipschitz(near)[0].value, 0);
}

// Negative control: an explanation that follows the noise alone.
TEST(Robustness, ChaoticExplanationIsNot) {
    const Explainer chaotic = [](const Batch& inputs, const whence::Run&) {
        std::vector<std::vector<double>> all;
        for (int64_t row = 0; row < inputs.rows(); ++row) {
            const double x = inputs[0].value.as<double>()[2 * row];
            all.push_back({std::sin(1e6 * x), std::cos(1e6 * x)});
        }
        return all;
    };
    const Neighbours near =
        explain_neighbours(chaotic, example_input(), "x", {.samples = 20}, {}, plain_run);
    EXPECT_GT(max_sensitivity(near)[0].value, 1);
    EXPECT_GT(local_lipschitz(near)[0].value, 20);
}

std::vector<Score> golden(std::vector<Score> (*metric)(const Neighbours&), bool layer = false) {
    static const TanhModel model = golden_model();
    std::vector<Score> all;
    for (int64_t i = 0; i < 3; ++i) {
        const std::vector<double> noise = robustness_golden("noise").slice_rows(i, 1).to_doubles();
        NeighbourOptions options{.samples = 7};
        for (int64_t s = 0; s < 7; ++s)
            options.given.emplace_back(noise.begin() + s * 16, noise.begin() + (s + 1) * 16);
        Neighbours near = explain_neighbours(
            GradientOf{model, golden_class(i)}, golden_image(i), "x", options,
            {.model = &model, .target = {.output = "y", .classes = 3}}, plain_run);
        if (layer)
            for (const std::vector<double>& x : near.inputs)
                near.representations.push_back(model.activations(x));
        all.push_back(metric(near)[0]);
    }
    return all;
}

void expect_golden(const std::vector<Score>& found, const std::string& name, double tolerance) {
    const std::vector<double> expected = robustness_golden(name).to_doubles();
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i].value, expected[i], tolerance * std::abs(expected[i])) << name;
}

TEST(Robustness, GoldenValues) {
    expect_golden(golden(max_sensitivity), "max-sensitivity", float32);
    expect_golden(golden(max_sensitivity), "captum-max-sensitivity", float32);
    expect_golden(golden(avg_sensitivity), "avg-sensitivity", float32);
    expect_golden(golden(local_lipschitz), "local-lipschitz", float32);
    expect_golden(golden(relative_input_stability), "relative-input-stability", divided);
    expect_golden(golden(relative_output_stability), "relative-output-stability", divided);
    expect_golden(golden(relative_representation_stability, true),
                  "relative-representation-stability", divided);
}

Batch images() {
    return Batch({{"x", robustness_golden("x").cast(ElementType::float64)}});
}

// The slow twin: noise drawn, input written and explained one at a time.
TEST(Robustness, BatchesEqualOneByOne) {
    const TanhModel model = golden_model();
    const GradientOf explain{model, 1};
    for (const Noise noise : {Noise::uniform, Noise::normal}) {
        const NeighbourOptions options{.samples = 4, .noise = noise, .size = 0.3};
        const Neighbours near = explain_neighbours(std::cref(explain), images(), "x", options, {},
                                                   whence::Run{.seed = 9});
        for (int64_t row = 0; row < 3; ++row) {
            const std::vector<double> x = golden_image(row)[0].value.to_doubles();
            double worst = 0;
            const std::vector<double> phi = model.gradient(x, 1);
            for (int64_t s = 0; s < 4; ++s) {
                Rng rng(9, 0x6e656172, row * 4 + s);
                std::vector<double> moved;
                for (const double v : x)
                    moved.push_back(
                        v + 0.3 * (noise == Noise::normal ? rng.normal() : 2 * rng.uniform() - 1));
                const std::vector<double> other = model.gradient(moved, 1);
                double change = 0, size = 0;
                for (size_t p = 0; p < phi.size(); ++p) {
                    change += (other[p] - phi[p]) * (other[p] - phi[p]);
                    size += phi[p] * phi[p];
                }
                worst = std::max(worst, std::sqrt(change) / std::sqrt(size));
            }
            EXPECT_NEAR(max_sensitivity(near)[row].value, worst, 1e-12);
        }
    }
    EXPECT_EQ(explain.calls, 2);
    EXPECT_EQ(explain.rows, 2 * 3 * 5);
}

// Columns of a table change in their own units, categories not at all.
TEST(Robustness, NoiseHasTheScaleOfEachNumber) {
    const Batch row({{"x", Tensor::of<double>({1, 2}, {1, 2})}});
    const Neighbours plain =
        explain_neighbours(example_gradient, row, "x", {.size = 0.1}, {}, plain_run);
    const Neighbours scaled = explain_neighbours(example_gradient, row, "x",
                                                 {.size = 0.1, .scale = {100, 0}}, {}, plain_run);
    for (int64_t s = 0; s < 10; ++s) {
        EXPECT_NEAR(scaled.inputs[1 + s][0] - 1, 100 * (plain.inputs[1 + s][0] - 1), 1e-12);
        EXPECT_EQ(scaled.inputs[1 + s][1], 2);
    }
    expect_within(testing::error_of(ErrorKind::usage,
                                    [&] {
                                        return explain_neighbours(example_gradient, row, "x",
                                                                  {.scale = {1}}, {}, plain_run)
                                            .rows;
                                    }),
                  "1 scales");
}

TEST(Robustness, SameBitsWhateverTheThreads) {
    const TanhModel model = golden_model();
    const auto values = [&](int threads) {
        return explain_neighbours(GradientOf{model, 0}, images(), "x", {.samples = 3}, {},
                                  whence::Run{.seed = 4, .threads = threads})
            .explanations;
    };
    EXPECT_EQ(values(1), values(2));
    EXPECT_EQ(values(1), values(8));
}

// As in the paper: a neighbour of another class says nothing.
TEST(Robustness, NeighboursOfAnotherClassAreLeftOut) {
    Neighbours near = example();
    near.classes = {0, 1, 0};
    EXPECT_EQ(relative_input_stability(near)[0].curve.size(), 1U);
    EXPECT_EQ(relative_input_stability(near)[0].value, 0);
    near.classes = {0, 1, 1};
    EXPECT_TRUE(std::isnan(relative_input_stability(near)[0].value));
    EXPECT_FALSE(relative_input_stability(near)[0].undefined_because.empty());
}

TEST(Robustness, Degenerate) {
    const Explainer nothing = [](const Batch& inputs, const whence::Run&) {
        return std::vector<std::vector<double>>(inputs.rows(), {0, 0});
    };
    const Neighbours zero = explain_neighbours(nothing, example_input(), "x", {}, {}, plain_run);
    EXPECT_TRUE(std::isnan(max_sensitivity(zero)[0].value));
    EXPECT_EQ(zero.samples, 10);
    const Neighbours still = explain_neighbours(example_gradient, example_input(), "x",
                                                {.samples = 1, .given = {{0, 0}}}, {}, plain_run);
    EXPECT_TRUE(std::isnan(local_lipschitz(still)[0].value));
    expect_within(
        testing::error_of(ErrorKind::usage, [&] { return relative_input_stability(zero); }),
        "needs the model");
    expect_within(testing::error_of(ErrorKind::usage,
                                    [&] { return relative_representation_stability(example()); }),
                  "needs a layer");
}

TEST(Robustness, Refusals) {
    const auto refuse = [](ErrorKind kind, const Batch& inputs, const NeighbourOptions& options) {
        return testing::error_of(kind, [&] {
            return explain_neighbours(example_gradient, inputs, "x", options, {}, plain_run).rows;
        });
    };
    expect_within(refuse(ErrorKind::usage, example_input(), {.samples = 0}), "0 neighbours");
    expect_within(refuse(ErrorKind::usage, example_input(), {.size = 0}), "above 0");
    expect_within(refuse(ErrorKind::usage, example_input(), {.samples = 2, .given = {{1, 1}}}),
                  "does not fit");
    expect_within(
        refuse(ErrorKind::input, Batch({{"x", Tensor::of<double>({1, 2}, {1, std::nan("")})}}), {}),
        "not a finite number");
    expect_within(
        refuse(ErrorKind::unsupported, Batch({{"x", Tensor::of<int64_t>({1, 2}, {1, 2})}}), {}),
        "int64");
    const Explainer broken = [](const Batch&, const whence::Run&) {
        return std::vector<std::vector<double>>{{1, 2}};
    };
    expect_within(
        testing::error_of(
            ErrorKind::input,
            [&] {
                return explain_neighbours(broken, example_input(), "x", {}, {}, plain_run).rows;
            }),
        "1 explanations of 11 inputs");
}

}  // namespace
}  // namespace whence::metrics
