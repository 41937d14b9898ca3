// Rules other than the gradient, as OnnxModel runs them.

#include <gtest/gtest.h>

#include <cmath>

#include "core/support.h"
#include "runtime/models.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using testing::load;
using testing::perceptron;
using testing::plain_run;
using testing::random_tensor;
using testing::single;

GradientRequest compared(const Batch& reference) {
    return {.output = "y",
            .index = 1,
            .gradients = {"x"},
            .rules = Rules::deep_lift,
            .reference = &reference};
}

// Sum of (x - x0) m of a row; rounding of a dozen terms in double.
constexpr double complete = 1e-13;

double attributed(const Tensor& x, const Tensor& reference, const Tensor& m, int64_t row) {
    const std::vector<double> a = x.to_doubles(), b = reference.to_doubles(), c = m.to_doubles();
    const int64_t size = x.row_size(), other = reference.rows() == 1 ? 0 : row;
    double sum = 0;
    for (int64_t i = 0; i < size; ++i)
        sum += (a[row * size + i] - b[other * size + i]) * c[row * size + i];
    return sum;
}

// y = tanh(x) on each element: the multiplier is the difference quotient, and the slope where
// nothing changed.
TEST(OnnxRules, AMultiplierIsADifferenceQuotient) {
    const OnnxModel model = load(single("Tanh", {}, -1, ElementType::float64));
    const Tensor x = Tensor::of<double>({1, 3}, {0.5, 0.7, -1.0});
    const Batch reference(Tensor::of<double>({1, 3}, {0.5, -0.2, -1.0 - 1e-18}));
    const GradientResult result = model.run(x, compared(reference), plain_run);
    const auto m = result.gradients[0].as<double>();
    EXPECT_EQ(m[0], 0);
    EXPECT_NEAR(m[1], (std::tanh(0.7) - std::tanh(-0.2)) / 0.9, 1e-15);
    EXPECT_EQ(result.target[0], std::tanh(0.7));
    EXPECT_EQ(result.reference_target[0], std::tanh(-0.2));
    const Batch same(x);
    EXPECT_NEAR(model.run(x, compared(same), plain_run).gradients[0].as<double>()[1],
                1 - std::tanh(0.7) * std::tanh(0.7), 1e-15);
}

// The smallest differences: a quotient of 32 units of rounding is taken, of 4 the slope; in both
// the sum stays within rounding.
TEST(OnnxRules, DifferencesOfRoundingTakeTheSlope) {
    const OnnxModel model = load(single("Relu", {}, -1, ElementType::float64));
    for (const double units : {4.0, 32.0}) {
        const double change = units * 0x1p-53;
        const Tensor x = Tensor::of<double>({1, 3}, {0, 1 + change, 0});
        const Batch reference(Tensor::of<double>({1, 3}, {0, 1, 0}));
        EXPECT_NEAR(model.run(x, compared(reference), plain_run).gradients[0].as<double>()[1], 1,
                    0.1)
            << units;
    }
    // Relative: a difference of 1e-30 between numbers as small is one.
    const Tensor x = Tensor::of<double>({1, 3}, {0, 3e-30, 0});
    const Batch reference(Tensor::of<double>({1, 3}, {0, -1e-30, 0}));
    EXPECT_NEAR(model.run(x, compared(reference), plain_run).gradients[0].as<double>()[1], 0.75,
                1e-12);
}

TEST(OnnxRules, AttributionsAddUpAndReferencesAreRepeatedAndCut) {
    const OnnxModel model = load(perceptron(-1, ElementType::float64, true));
    const Tensor x = random_tensor({5, 4}, 1, ElementType::float64),
                 many = random_tensor({5, 4}, 2, ElementType::float64);
    const Batch one(many.slice_rows(3, 1)), each(many);
    for (const Batch* reference : {&one, &each}) {
        const GradientResult all = model.run(x, compared(*reference), plain_run);
        for (int64_t row = 0; row < 5; ++row) {
            EXPECT_NEAR(attributed(x, (*reference)[0].value, all.gradients[0], row),
                        all.target[row] - all.reference_target[row], complete);
            const Batch own(reference->rows() == 1 ? many.slice_rows(3, 1)
                                                   : many.slice_rows(row, 1));
            const GradientResult alone = model.run(x.slice_rows(row, 1), compared(own), plain_run);
            EXPECT_NEAR(alone.target[0], all.target[row], complete);
            EXPECT_NEAR(alone.reference_target[0], all.reference_target[row], complete);
            for (int64_t i = 0; i < 4; ++i)
                EXPECT_NEAR(alone.gradients[0].to_doubles()[i],
                            all.gradients[0].to_doubles()[row * 4 + i], complete);
        }
    }
}

// A convolution runs its rows in parts, on several threads: references go with their rows.
TEST(OnnxRules, PartsTakeTheirReferencesAlong) {
    graph::Graph graph =
        testing::empty_graph({testing::value_info("x", ElementType::float32, {-1, 2, 40, 40})});
    graph::Builder b(graph);
    const std::string hidden = b.node("Conv", {"x", b.constant(random_tensor({3, 2, 3, 3}, 4))});
    const std::string pooled = b.node("GlobalAveragePool", {b.node("Relu", {hidden})});
    testing::add_output(graph, b.node("Flatten", {pooled}), "y",
                        testing::value_info("y", ElementType::float32, {-1, 3}));
    const OnnxModel model = load(graph), single_thread = load(graph, {.threads = 1});
    const Tensor x = random_tensor({21, 2, 40, 40}, 5);
    const Batch reference(random_tensor({21, 2, 40, 40}, 6));
    const GradientResult result = model.run(x, compared(reference), plain_run);
    for (int64_t row = 0; row < 21; ++row)
        EXPECT_NEAR(attributed(x, reference[0].value, result.gradients[0], row),
                    result.target[row] - result.reference_target[row], 1e-6);
    const GradientResult again = single_thread.run(x, compared(reference), plain_run);
    EXPECT_EQ(again.gradients[0], result.gradients[0]);
    EXPECT_EQ(again.reference_target, result.reference_target);
}

TEST(OnnxRules, GuidedAndDeconvolutionAtARelu) {
    graph::Graph graph =
        testing::empty_graph({testing::value_info("x", ElementType::float64, {-1, 3})});
    graph::Builder b(graph);
    const std::string weights = b.constant(Tensor::of<double>({3, 1}, {2, -3, 5}));
    testing::add_output(graph, b.node("MatMul", {b.node("Relu", {"x"}), weights}), "y",
                        testing::value_info("y", ElementType::float64, {-1, 1}));
    const OnnxModel model = load(graph);
    const Tensor x = Tensor::of<double>({1, 3}, {1, 1, -1});
    const auto answer = [&](Rules rules) {
        return model
            .run(x, {.output = "y", .index = 0, .gradients = {"x"}, .rules = rules}, plain_run)
            .gradients[0]
            .to_doubles();
    };
    EXPECT_EQ(answer(Rules::gradient), (std::vector<double>{2, -3, 0}));
    EXPECT_EQ(answer(Rules::guided), (std::vector<double>{2, 0, 0}));
    EXPECT_EQ(answer(Rules::deconvolution), (std::vector<double>{2, 0, 5}));
}

TEST(OnnxRules, WhatIsWrongIsSaid) {
    const OnnxModel model = load(perceptron(-1));
    const Tensor x = random_tensor({4, 4}, 1, ElementType::float64);
    const auto line = [&](ErrorKind kind, const GradientRequest& request) {
        return error_of(kind, [&] { return model.run(x, request, plain_run); });
    };
    GradientRequest request{
        .output = "y", .index = 0, .gradients = {"x"}, .rules = Rules::deep_lift};
    expect_within(line(ErrorKind::usage, request), "needs a reference");
    const Batch three(random_tensor({3, 4}, 1, ElementType::float64)),
        wide(random_tensor({1, 5}, 1, ElementType::float64));
    request.reference = &three;
    expect_within(line(ErrorKind::input, request),
                  "the reference has 3 rows; one is needed, or one for each of 4");
    request.reference = &wide;
    expect_within(line(ErrorKind::input, request), "'x' has shape");
    graph::Graph two =
        testing::empty_graph({testing::value_info("x", ElementType::float64, {-1, 3})});
    graph::Builder b(two);
    testing::add_output(two, b.mul(b.node("Floor", {"x"}), "x"), "y",
                        testing::value_info("y", ElementType::float64, {-1, 3}));
    const Batch one(random_tensor({1, 3}, 2, ElementType::float64));
    request.reference = &one;
    expect_within(
        error_of(ErrorKind::unsupported, [&] { return load(two).run(one, request, plain_run); }),
        "passes nothing back");
}

// Token ids carry no attribution: the reference shares them.
TEST(OnnxRules, OnlyNumbersWithAFractionAreCompared) {
    graph::Graph graph =
        testing::empty_graph({testing::value_info("x", ElementType::float64, {-1, 2}),
                              testing::value_info("ids", ElementType::int64, {-1, 2})});
    graph::Builder b(graph);
    const std::string looked_up =
        b.node("Gather", {b.constant(random_tensor({4}, 1, ElementType::float64)), "ids"});
    testing::add_output(graph, b.mul("x", looked_up), "y",
                        testing::value_info("y", ElementType::float64, {-1, 2}));
    const OnnxModel model = load(graph);
    const Tensor x = random_tensor({1, 2}, 2, ElementType::float64),
                 x0 = random_tensor({1, 2}, 3, ElementType::float64);
    const Tensor ids = Tensor::of<int64_t>({1, 2}, std::vector<int64_t>{3, 1}),
                 others = Tensor::of<int64_t>({1, 2}, std::vector<int64_t>{0, 1});
    const Batch inputs({{"x", x}, {"ids", ids}});
    for (const Batch& reference : {Batch({{"x", x0}}), Batch({{"x", x0}, {"ids", ids}})}) {
        const GradientResult result = model.run(inputs, compared(reference), plain_run);
        EXPECT_NEAR(attributed(x, x0, result.gradients[0], 0),
                    result.target[0] - result.reference_target[0], complete);
    }
    const Batch differs({{"x", x0}, {"ids", others}});
    expect_within(
        error_of(ErrorKind::input, [&] { return model.run(inputs, compared(differs), plain_run); }),
        "the reference differs in input 'ids', which holds int64");
}

// Central differences of the gradient in double: error h^2 times a fourth derivative, and 1e-16 / h.
constexpr double step = 1e-5, second_tolerance = 1e-8;

// The product of the Hessian with v, the slow way.
std::vector<double> differences(const OnnxModel& model, const Tensor& x, const GradientRequest& request, const Tensor& v) {
    Tensor up = x, down = x;
    for (int64_t i = 0; i < x.size(); ++i) {
        up.as<double>()[i] += step * v.as<double>()[i];
        down.as<double>()[i] -= step * v.as<double>()[i];
    }
    std::vector<double> a = model.run(up, request, plain_run).gradients[0].to_doubles();
    const std::vector<double> b = model.run(down, request, plain_run).gradients[0].to_doubles();
    for (size_t i = 0; i < a.size(); ++i) a[i] = (a[i] - b[i]) / (2 * step);
    return a;
}

TEST(OnnxRules, SecondGradientIsTheSlopeOfTheGradient) {
    for (const Scale scale : {Scale::raw, Scale::probability}) {
        const OnnxModel model = load(perceptron(-1));
        const Tensor x = random_tensor({3, 4}, 1, ElementType::float64), v = random_tensor({3, 4}, 2, ElementType::float64);
        const GradientRequest request{.output = "y", .index = 1, .minus = 2, .scale = scale, .gradients = {"x"}};
        const SecondGradient second = model.second_gradient(x, request, {v}, plain_run);
        const GradientResult first = model.run(x, request, plain_run);
        EXPECT_EQ(second.first.target, first.target);
        EXPECT_EQ(second.first.gradients, first.gradients);
        ASSERT_EQ(second.products.size(), 1U);
        const std::vector<double> fast = second.products[0].to_doubles(), slow = differences(model, x, request, v);
        double largest = 0;
        for (size_t i = 0; i < slow.size(); ++i) {
            EXPECT_NEAR(fast[i], slow[i], second_tolerance);
            largest = std::max(largest, std::abs(slow[i]));
        }
        EXPECT_GT(largest, 1e3 * second_tolerance);  // zeros would not pass
    }
}

TEST(OnnxRules, SecondGradientOfWhatIsPiecewiseLinearIsZero) {
    const OnnxModel model = load(single("Relu", {}, -1, ElementType::float64));
    const Tensor x = random_tensor({2, 3}, 1, ElementType::float64);
    const SecondGradient second = model.second_gradient(x, {.output = "y", .index = 0, .gradients = {"x"}}, {x}, plain_run);
    EXPECT_EQ(second.products[0].to_doubles(), std::vector<double>(6, 0.0));
}

TEST(OnnxRules, SecondGradientThatMakesNoSense) {
    const OnnxModel model = load(perceptron(-1));
    const Tensor x = random_tensor({2, 4}, 1, ElementType::float64);
    const GradientRequest request{.output = "y", .index = 1, .gradients = {"x"}}, guided{.output = "y", .index = 1, .gradients = {"x"}, .rules = Rules::guided};
    const auto line = [&](ErrorKind kind, const GradientRequest& asked, const std::vector<Tensor>& directions) {
        return error_of(kind, [&] { return model.second_gradient(x, asked, directions, plain_run); });
    };
    expect_within(line(ErrorKind::usage, request, {}), "0 directions for 1 tensors");
    expect_within(line(ErrorKind::usage, guided, {x}), "by the rules of guided");
    expect_within(line(ErrorKind::input, request, {x.slice_rows(0, 1)}), "for 2 rows");
}

// y = 2 DQ(Q(x)), in steps of 0.1 and clipped to what int8 holds: [-12.8, 12.7].
TEST(OnnxRules, QuantisedNumbersPassStraightThrough) {
    graph::Graph graph = testing::empty_graph({testing::value_info("x", ElementType::float32, {-1, 4})});
    graph.opsets[""] = 19;
    graph::Builder b(graph);
    const std::string scale = b.constant(Tensor::of<float>({}, std::vector<float>{0.1F}));
    const std::string zero = b.constant(Tensor::of<int8_t>({}, std::vector<int8_t>{0}));
    const std::string numbers = b.node("DequantizeLinear", {b.node("QuantizeLinear", {"x", scale, zero}), scale, zero});
    testing::add_output(graph, b.mul(numbers, b.scalar(2, ElementType::float32)), "y", testing::value_info("y", ElementType::float32, {-1, 4}));
    const OnnxModel model = load(graph);
    ASSERT_EQ(model.notes().size(), 1U);
    expect_within(model.notes()[0], "quantised");
    const Tensor x = Tensor::of<float>({1, 4}, std::vector<float>{0.33F, 12.72F, 20.0F, -20.0F});
    const std::vector<double> wanted = {2, 2, 0, 0};
    for (int64_t i = 0; i < 4; ++i) {
        const GradientResult result = model.run(x, {.output = "y", .index = i, .gradients = {"x"}}, plain_run);
        std::vector<double> slope(4, 0.0);
        slope[i] = wanted[i];
        EXPECT_EQ(result.gradients[0].to_doubles(), slope);
        EXPECT_EQ(result.target[0], model.predict(x, plain_run)[0].value.to_doubles()[i]);
    }
    EXPECT_NEAR(model.predict(x, plain_run)[0].value.to_doubles()[0], 0.6, 1e-6);  // rounded, not 0.66
    const Batch reference(random_tensor({1, 4}, 1));
    expect_within(error_of(ErrorKind::unsupported, [&] { return model.run(x, compared(reference), plain_run); }), "DequantizeLinear");
}

}  // namespace
}  // namespace whence
