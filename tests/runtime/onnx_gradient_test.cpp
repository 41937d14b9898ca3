// Values and gradients against finite differences of predict, in double.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/support.h"
#include "runtime/models.h"
#include "whence/core/target.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using testing::load;
using testing::perceptron;
using testing::plain_run;
using testing::random_tensor;
using testing::single;

using Scalar = std::function<double(const Tensor& x)>;

// Central differences of one row: error h^2 * third derivative (about 1e-10 here) plus 1e-16 / h.
constexpr double step = 1e-5, tolerance = 1e-8;

std::vector<double> differences(const Scalar& f, const Tensor& x) {
    std::vector<double> out;
    for (int64_t i = 0; i < x.size(); ++i) {
        Tensor up = x, down = x;
        up.as<double>()[i] += step;
        down.as<double>()[i] -= step;
        out.push_back((f(up) - f(down)) / (2 * step));
    }
    return out;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    EXPECT_EQ(a.size(), b.size());
    double worst = 0;
    for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
    return worst;
}

// The target as C++ computes it from the outputs of predict.
double target_of(const OnnxModel& model, const Tensor& x, const GradientRequest& request) {
    const TensorInfo& output = model.outputs()[0];
    const ResolvedTarget target{.output = output.name,
                                .index = *request.index,
                                .minus = request.minus,
                                .scale = request.scale == Scale::raw ? output.scale : request.scale,
                                .output_scale = output.scale,
                                .classes = 3};
    return target_values(target, model.predict(x, plain_run))[0];
}

struct Case {
    std::string name;
    bool softmax;
    Scale scale;
    std::optional<int64_t> minus;
};

class Scales : public ::testing::TestWithParam<Case> {};

// Of probabilities the logit is known only up to a constant of the row in C++ (log p), so it is
// compared in differences of two classes.
TEST_P(Scales, GradientIsThatOfPredict) {
    const OnnxModel model = load(perceptron(-1, ElementType::float64, GetParam().softmax));
    const GradientRequest request{.output = "y",
                                  .index = 2,
                                  .minus = GetParam().minus,
                                  .scale = GetParam().scale,
                                  .gradients = {"x"}};
    for (uint64_t seed = 10; seed < 13; ++seed) {
        const Tensor x = random_tensor({1, 4}, seed, ElementType::float64);
        const GradientResult result = model.run(x, request, plain_run);
        EXPECT_NEAR(result.target[0], target_of(model, x, request), 1e-12);
        const auto slow =
            differences([&](const Tensor& at) { return target_of(model, at, request); }, x);
        const std::vector<double> fast = result.gradients[0].to_doubles();
        EXPECT_LT(largest_difference(fast, slow), tolerance);
        std::vector<double> wrong = fast;
        wrong[1] += 2 * tolerance;
        EXPECT_GT(largest_difference(wrong, slow), tolerance);
    }
}

INSTANTIATE_TEST_SUITE_P(
    OnnxGradient, Scales,
    ::testing::Values(Case{"raw", false, Scale::raw, {}}, Case{"raw_minus", false, Scale::raw, 0},
                      Case{"probability", false, Scale::probability, {}},
                      Case{"probability_minus", false, Scale::probability, 0},
                      Case{"log_probability", false, Scale::log_probability, {}},
                      Case{"log_probability_minus", false, Scale::log_probability, 1},
                      Case{"softmax_raw", true, Scale::raw, {}},
                      Case{"softmax_logit_minus", true, Scale::logit, 1},
                      Case{"softmax_probability", true, Scale::probability, {}},
                      Case{"softmax_log_probability", true, Scale::log_probability, {}}),
    [](const auto& one) { return one.param.name; });

TEST(OnnxGradient, TheLogitOfASoftmaxIsTheTensorBeforeIt) {
    const OnnxModel scores = load(perceptron(-1)),
                    probabilities = load(perceptron(-1, ElementType::float64, true));
    const Tensor x = random_tensor({3, 4}, 4, ElementType::float64);
    const GradientRequest raw{.output = "y", .index = 1, .gradients = {"x"}};
    GradientRequest logit = raw;
    logit.scale = Scale::logit;
    const GradientResult a = scores.run(x, raw, plain_run),
                         b = probabilities.run(x, logit, plain_run);
    EXPECT_EQ(a.target, b.target);
    EXPECT_EQ(a.gradients, b.gradients);
}

TEST(OnnxGradient, EachRowHasItsOwnTopClass) {
    const OnnxModel model = load(perceptron(-1));
    const Tensor x = random_tensor({20, 4}, 6, ElementType::float64);
    const GradientResult all = model.run(x, {.output = "y", .gradients = {"x"}}, plain_run);
    const Tensor y = model.predict(x, plain_run).at("y");
    for (int64_t row = 0; row < 20; ++row) {
        const auto scores = y.as<double>().subspan(row * 3, 3);
        const int64_t top = std::ranges::max_element(scores) - scores.begin();
        EXPECT_EQ(all.index[row], top);
        EXPECT_EQ(all.target[row], scores[top]);
        const GradientResult one = model.run(
            x.slice_rows(row, 1), {.output = "y", .index = top, .gradients = {"x"}}, plain_run);
        EXPECT_LT(largest_difference(one.gradients[0].to_doubles(),
                                     all.gradients[0].slice_rows(row, 1).to_doubles()),
                  1e-14);
    }
}

// A layer is a tensor: its value, and the gradient with respect to it, which the chain rule takes
// on to x.
TEST(OnnxGradient, OfALayerByTheChainRule) {
    const OnnxModel model = load(perceptron(-1));
    const Tensor x = random_tensor({1, 4}, 7, ElementType::float64);
    const GradientRequest request{
        .output = "y", .index = 0, .values = {"hidden", "x"}, .gradients = {"hidden", "x"}};
    const GradientResult result = model.run(x, request, plain_run);
    EXPECT_EQ(result.values[1], x);
    EXPECT_EQ(result.values[0].shape(), (Shape{1, 5}));
    const auto layer = result.gradients[0].to_doubles(), input = result.gradients[1].to_doubles();
    const auto hidden = [&](const Tensor& at) {
        return model.run(at, {.output = "y", .values = {"hidden"}}, plain_run)
            .values[0]
            .to_doubles();
    };
    const auto chained = differences(
        [&](const Tensor& at) {
            double sum = 0;
            const std::vector<double> values = hidden(at);
            for (size_t j = 0; j < 5; ++j) sum += layer[j] * values[j];
            return sum;
        },
        x);
    EXPECT_LT(largest_difference(chained, input), tolerance);
}

TEST(OnnxGradient, WithoutGradientsItIsAForwardPass) {
    const OnnxModel model = load(perceptron(-1));
    const Tensor x = random_tensor({5, 4}, 8, ElementType::float64);
    const GradientResult result =
        model.run(x, {.output = "y", .index = 1, .values = {"y"}}, plain_run);
    EXPECT_EQ(result.values[0], model.predict(x, plain_run).at("y"));
    EXPECT_TRUE(result.gradients.empty());
    for (int64_t row = 0; row < 5; ++row)
        EXPECT_EQ(result.target[row], result.values[0].as<double>()[row * 3 + 1]);
}

TEST(OnnxGradient, RequestsThatMakeNoSense) {
    const OnnxModel model = load(perceptron(-1));
    const Tensor x = random_tensor({1, 4}, 8, ElementType::float64);
    const auto with = [&](const GradientRequest& request) {
        return error_of(ErrorKind::usage, [&] { return model.run(x, request, plain_run); });
    };
    expect_within(with({.output = "y", .index = 3}),
                  "class 3 does not exist in output 'y', which has 3");
    expect_within(with({.output = "y", .index = -1}), "class -1 does not exist");
    expect_within(with({.output = "y", .index = 0, .minus = 9}), "class 9");
    expect_within(with({.output = "z"}), "no tensor 'z' in the model");
    expect_within(with({.output = "y", .values = {"layer\n7"}}), "no tensor 'layer?7'");
    expect_within(with({.output = "y", .gradients = {"nowhere"}}), "no tensor 'nowhere'");
}

TEST(OnnxGradient, AbsentIsNotZero) {
    const OnnxModel model = load(single("Sign", {}));
    const GradientRequest request{.output = "y", .index = 0, .gradients = {"x"}};
    const Tensor x = random_tensor({1, 3}, 1);
    // Whether Sign stands for nothing differentiable or for no rule, it is said; never zeros.
    error_of(ErrorKind::unsupported, [&] { return model.run(x, request, plain_run); });

    graph::Graph two =
        testing::empty_graph({testing::value_info("a", ElementType::float32, {-1, 3}),
                              testing::value_info("b", ElementType::float32, {-1, 3})});
    graph::Builder builder(two);
    testing::add_output(two, builder.mul("a", "a"), "ya",
                        testing::value_info("ya", ElementType::float32, {-1, 3}));
    testing::add_output(two, builder.mul("b", "b"), "yb",
                        testing::value_info("yb", ElementType::float32, {-1, 3}));
    const OnnxModel both = load(two);
    const Batch inputs({{"a", x}, {"b", x}});
    expect_within(error_of(ErrorKind::unsupported,
                           [&] {
                               return both.run(inputs,
                                               {.output = "ya", .index = 0, .gradients = {"b"}},
                                               plain_run);
                           }),
                  "output 'ya' has no gradient with respect to 'b'");
    const std::vector<Differentiability> all = both.differentiability();
    ASSERT_EQ(all.size(), 4U);
    for (const Differentiability& one : all) {
        EXPECT_EQ(one.connected, one.output.back() == one.input.back())
            << one.output << ' ' << one.input;
        EXPECT_TRUE(one.missing.empty());
    }
}

TEST(OnnxGradient, AMissingRuleNamesOperatorNodeAndOutput) {
    const OnnxModel model =
        load(single("MeanVarianceNormalization", {{"axes", std::vector<int64_t>{1}}}));
    const std::string line = error_of(ErrorKind::unsupported, [&] {
        return model.run(random_tensor({1, 3}, 1), {.output = "y", .index = 0, .gradients = {"x"}},
                         plain_run);
    });
    for (const char* part : {"MeanVarianceNormalization", "the_node", "'y'"})
        expect_within(line, part);
    const std::vector<Differentiability> all = model.differentiability();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].missing, std::vector<std::string>{"MeanVarianceNormalization"});
}

TEST(OnnxGradient, TheGraphIsAModelOfItsOwn) {
    const OnnxModel model = load(perceptron(-1));
    const GradientRequest request{.output = "y", .index = 2, .gradients = {"x"}};
    const Tensor x = random_tensor({3, 4}, 2, ElementType::float64);
    const OnnxModel gradient = load(model.gradient_graph(request));
    ASSERT_EQ(gradient.inputs().size(), 2U);
    const std::string classes = gradient.inputs()[1].name;
    // The class is one number for all rows: not a batch, so it goes in row by row here.
    const GradientResult wanted = model.run(x.slice_rows(0, 1), request, plain_run);
    const Batch inputs(
        {{"x", x.slice_rows(0, 1)}, {classes, Tensor::of<int64_t>({1}, std::vector<int64_t>{2})}});
    const Batch outputs = gradient.predict(inputs, plain_run);
    EXPECT_EQ(outputs[0].value.to_doubles(), wanted.target);
    EXPECT_EQ(outputs[2].value, wanted.gradients[0]);
}

}  // namespace
}  // namespace whence
