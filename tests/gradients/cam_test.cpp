// Class activation maps by hand, on small networks built in memory.

#include "whence/gradients/cam.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/support.h"
#include "runtime/models.h"
#include "whence/gradients/ablation_cam.h"
#include "whence/gradients/eigen_cam.h"
#include "whence/gradients/score_cam.h"

namespace whence {
namespace {

using testing::add_output;
using testing::empty_graph;
using testing::error_of;
using testing::expect_within;
using testing::load;
using testing::plain_run;
using testing::random_tensor;
using testing::value_info;

using Numbers = std::vector<double>;

constexpr int64_t channels = 3, side = 4, positions = side * side;
constexpr CamWeights all_weights[] = {CamWeights::grad_cam, CamWeights::grad_cam_plus_plus,
                                      CamWeights::xgrad_cam, CamWeights::hires_cam,
                                      CamWeights::layer_cam};

enum class Head { pooled, curved, past_the_layer };

// x [N, 1, 4, 4] -> features = relu(conv(x)) [N, 3, 4, 4] -> two classes: pooled and linear, or
// through tanh of every position, or with x itself added.
graph::Graph network(Head head) {
    graph::Graph graph = empty_graph({value_info("x", ElementType::float32, {-1, 1, side, side})});
    graph::Builder b(graph);
    const std::string conv = b.node("Conv",
                                    {"x", b.constant(random_tensor({channels, 1, 3, 3}, 1)),
                                     b.constant(random_tensor({channels}, 2))},
                                    {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
    graph.nodes.push_back(
        {.op = "Relu", .name = "relu", .inputs = {conv}, .outputs = {"features"}});
    std::string scores;
    if (head == Head::curved) {
        const std::string flat = b.reshape("features", b.ints({-1, channels * positions}));
        const std::string hidden = b.node(
            "Tanh",
            {b.node("MatMul", {flat, b.constant(random_tensor({channels * positions, 4}, 3))})});
        scores = b.node("MatMul", {hidden, b.constant(random_tensor({4, 2}, 4))});
    } else {
        const std::string pooled =
            b.reshape(b.node("GlobalAveragePool", {"features"}), b.ints({-1, channels}));
        scores = b.add(b.node("MatMul", {pooled, b.constant(random_tensor({channels, 2}, 5))}),
                       b.constant(random_tensor({2}, 6)));
    }
    if (head == Head::past_the_layer) {
        const std::string mean = b.reshape(b.node("GlobalAveragePool", {"x"}), b.ints({-1, 1}));
        scores = b.add(scores, mean);
    }
    add_output(graph, scores, "y", value_info("y", ElementType::float32, {-1, 2}));
    return graph;
}

Tensor picture(uint64_t seed) {
    return random_tensor({1, 1, side, side}, seed);
}

double total(const Tensor& values) {
    double sum = 0;
    for (const double value : values.to_doubles()) sum += value;
    return sum;
}

GradientResult asked(const OnnxModel& model, const Tensor& x, int64_t index) {
    return model.run(
        x, {.output = "y", .index = index, .values = {"features"}, .gradients = {"features"}},
        plain_run);
}

// The formulas of the papers, position by position.
Numbers slow_map(CamWeights kind, const Numbers& a, const Numbers& g) {
    Numbers map(positions, 0.0);
    for (int64_t k = 0; k < channels; ++k)
        for (int64_t p = 0; p < positions; ++p) {
            double mean = 0, features = 0, weighed = 0, influence = 0;
            for (int64_t q = 0; q < positions; ++q) {
                const double aq = a[k * positions + q], gq = g[k * positions + q];
                mean += gq / positions, features += aq, weighed += gq * aq;
            }
            for (int64_t q = 0; q < positions; ++q) {
                const double gq = g[k * positions + q];
                if (gq > 0)
                    influence += std::pow(gq, 2) /
                                 (2 * std::pow(gq, 2) + features * std::pow(gq, 3) + 1e-6) * gq;
            }
            const double own = g[k * positions + p];
            const double weight = kind == CamWeights::grad_cam             ? mean
                                  : kind == CamWeights::grad_cam_plus_plus ? influence
                                  : kind == CamWeights::xgrad_cam ? weighed / (features + 1e-7)
                                  : kind == CamWeights::hires_cam ? own
                                                                  : std::max(0.0, own);
            map[p] += weight * a[k * positions + p];
        }
    return map;
}

void expect_near(const Tensor& got, const Numbers& wanted, double relative) {
    const Numbers values = got.to_doubles();
    ASSERT_EQ(values.size(), wanted.size());
    double largest = 0;
    for (const double value : wanted) largest = std::max(largest, std::abs(value));
    for (size_t i = 0; i < values.size(); ++i)
        EXPECT_NEAR(values[i], wanted[i], relative * largest) << "at " << i;
}

// Both sums are in double of the same float32 features; only the result is rounded to float32.
constexpr double rounding = 1.2e-7;

TEST(Cam, IsItsFormula) {
    const OnnxModel model = load(network(Head::curved));
    const Tensor x = picture(7);
    const GradientResult layer = asked(model, x, 1);
    for (const CamWeights kind : all_weights) {
        SCOPED_TRACE(name(kind));
        const Explanation e =
            Cam(model, {.weights = kind, .layer = "features"}).explain(x, {.index = 1}, plain_run);
        EXPECT_EQ(e.attribution.values.shape(), (Shape{1, 1, side, side}));
        EXPECT_EQ(e.attribution.layer, "features");
        EXPECT_EQ(e.provenance.method, name(kind));
        expect_near(e.attribution.values,
                    slow_map(kind, layer.values[0].to_doubles(), layer.gradients[0].to_doubles()),
                    rounding);
    }
}

TEST(Cam, WeightsOfOneChannelByHand) {
    const Numbers features = {1, 0, 2, 1}, gradients = {2, -1, 0, 1};
    const auto weights = [&](CamWeights kind) {
        Numbers out(4);
        cam_weights(kind, features, gradients, out);
        return out;
    };
    EXPECT_EQ(weights(CamWeights::grad_cam), Numbers(4, 0.5));
    EXPECT_EQ(weights(CamWeights::hires_cam), gradients);
    EXPECT_EQ(weights(CamWeights::layer_cam), (Numbers{2, 0, 0, 1}));
    // (2 + 1) / (1 + 2 + 1), and 4 / (8 + 32) * 2 + 1 / (2 + 4) * 1.
    EXPECT_NEAR(weights(CamWeights::xgrad_cam)[0], 0.75, 1e-7);
    EXPECT_NEAR(weights(CamWeights::grad_cam_plus_plus)[0], 0.2 + 1.0 / 6, 1e-6);
    // No gradient anywhere: no weight, and nothing divided by zero.
    for (const CamWeights kind : all_weights) {
        Numbers none(2, 1.0);
        cam_weights(kind, Numbers{0, 0}, Numbers{0, 0}, none);
        EXPECT_EQ(none, Numbers(2, 0.0)) << name(kind);
    }
}

// Global average pooling and a linear head is the case CAM was made for: h(z) - h(0) exactly.
TEST(Cam, IsCompleteUnderALinearHead) {
    const OnnxModel model = load(network(Head::pooled));
    const Tensor x = picture(8);
    for (const CamWeights kind :
         {CamWeights::grad_cam, CamWeights::xgrad_cam, CamWeights::hires_cam}) {
        SCOPED_TRACE(name(kind));
        const Explanation e =
            Cam(model, {.weights = kind, .layer = "features"}).explain(x, {}, plain_run);
        EXPECT_LT(std::abs(e.diagnostics.attribution_error.value()),
                  1e-6 * std::abs(e.target.value) + 1e-6);
        EXPECT_EQ(e.target.baseline, "zero features at features");
        EXPECT_EQ(e.provenance.evaluations, 1);
        EXPECT_EQ(e.provenance.gradient_evaluations, 1);
    }
    // Negative control: with a curved head none is.
    const OnnxModel curved = load(network(Head::curved));
    const Explanation e = Cam(curved, {.layer = "features"}).explain(x, {}, plain_run);
    EXPECT_GT(e.diagnostics.relative_error.value(), 1e-3);
}

TEST(Cam, ComparesWithZeroFeatures) {
    const OnnxModel model = load(network(Head::curved));
    const Explanation e =
        Cam(model, {.layer = "features"}).explain(picture(9), {.index = 0}, plain_run);
    EXPECT_NEAR(e.target.baseline_value.value(), 0, 1e-7);  // tanh(0) times weights
    EXPECT_NEAR(e.diagnostics.attribution_error.value(),
                total(e.attribution.values) - e.target.value, 1e-6);
}

TEST(Cam, SaysThatSomethingBypassesTheLayer) {
    const OnnxModel model = load(network(Head::past_the_layer));
    const Tensor x = picture(10);
    const Explanation e = Cam(model, {.layer = "features"}).explain(x, {.index = 0}, plain_run);
    ASSERT_EQ(e.diagnostics.notes.size(), 1u);
    expect_within(e.diagnostics.notes[0], "bypasses layer 'features'");
    // h(0) keeps the mean of x and the bias: complete all the same.
    EXPECT_LT(std::abs(e.diagnostics.attribution_error.value()), 1e-5);
    const double bias = random_tensor({2}, 6).to_doubles()[0];
    EXPECT_NEAR(e.target.baseline_value.value(), bias + total(x) / positions, 1e-6);
}

TEST(Cam, SaysThatTheTargetDoesNotDependOnTheLayer) {
    graph::Graph graph = network(Head::pooled);
    // Features that a ReLU switches off entirely.
    graph::Builder b(graph);
    for (graph::Node& node : graph.nodes)
        if (node.name == "relu") node.outputs = {"before"};
    const std::string off = b.constant(Tensor::of<float>({}, std::vector<float>{1e6F}));
    const std::string shifted = b.node("Sub", {"before", off});
    graph.nodes.push_back(
        {.op = "Relu", .name = "dead", .inputs = {shifted}, .outputs = {"features"}});
    graph::sort_nodes(graph);
    const OnnxModel model = load(graph);
    const Explanation e = Cam(model, {.weights = CamWeights::hires_cam, .layer = "before"})
                              .explain(picture(3), {}, plain_run);
    EXPECT_EQ(total(e.attribution.values), 0);
    ASSERT_FALSE(e.diagnostics.notes.empty());
    expect_within(e.diagnostics.notes[0], "gradient at layer 'before' is zero everywhere");
}

TEST(Cam, JoinsLayersByTheirLargestScaledValues) {
    const OnnxModel model = load(network(Head::curved));
    const Tensor x = picture(11);
    const Explanation own = Cam(model, {.weights = CamWeights::layer_cam, .layer = "features"})
                                .explain(x, {.index = 1}, plain_run);
    const Explanation joined =
        Cam(model, {.weights = CamWeights::layer_cam, .layer = "features", .fuse = {"features"}})
            .explain(x, {.index = 1}, plain_run);
    Numbers wanted = own.attribution.values.to_doubles();
    const double largest = *std::ranges::max_element(wanted);
    for (double& value : wanted) value = std::tanh(2 * std::max(0.0, value) / largest);
    expect_near(joined.attribution.values, wanted, 3 * rounding);
    EXPECT_FALSE(joined.diagnostics.attribution_error.has_value());
    EXPECT_FALSE(joined.diagnostics.no_error_because.empty());
}

TEST(Cam, GivesTheSameBitsOnAnyNumberOfThreads) {
    const OnnxModel model = load(network(Head::curved));
    whence::Run four;
    four.threads = 4;
    whence::Run one;
    one.threads = 1;
    const Cam cam(model, {.layer = "features"});
    const ScoreCam score(model, {.layer = "features"});
    for (const Explainer* method :
         {static_cast<const Explainer*>(&cam), static_cast<const Explainer*>(&score)})
        EXPECT_EQ(method->explain(picture(12), {}, one).attribution.values,
                  method->explain(picture(12), {}, four).attribution.values);
}

TEST(Cam, StopsWhenAsked) {
    const OnnxModel model = load(network(Head::pooled));
    std::stop_source source;
    source.request_stop();
    whence::Run stopped;
    stopped.stop = source.get_token();
    error_of(ErrorKind::interrupted,
             [&] { return Cam(model, {.layer = "features"}).explain(picture(1), {}, stopped); });
    error_of(ErrorKind::interrupted, [&] {
        return ScoreCam(model, {.layer = "features"}).explain(picture(1), {}, stopped);
    });
}

TEST(CamErrors, AreOneLine) {
    const OnnxModel model = load(network(Head::pooled));
    const auto explain = [&](const std::string& layer, const Tensor& x) {
        return error_of(layer == "nowhere" ? ErrorKind::usage
                        : layer == "y"     ? ErrorKind::unsupported
                                           : ErrorKind::input,
                        [&] { return Cam(model, {.layer = layer}).explain(x, {}, plain_run); });
    };
    expect_within(explain("nowhere", picture(1)), "'nowhere'");
    expect_within(explain("y", picture(1)), "needs [1, channels, height, width]");
    expect_within(explain("features", random_tensor({2, 1, side, side}, 1)),
                  "one row is explained at a time");
    Tensor broken = picture(1);
    broken.as<float>()[3] = std::nanf("");
    expect_within(explain("features", broken), "NaN at position 3");
    expect_within(error_of(ErrorKind::usage, [&] { return Cam(model, {}); }),
                  "grad-cam needs a layer");
}

TEST(ScoreCam, IsOneMaskAtATime) {
    const OnnxModel model = load(network(Head::curved));
    const Tensor x = picture(13);
    const double absent = 0.25;
    const Explanation e =
        ScoreCam(model, {.layer = "features", .baseline = baseline::Value{absent}})
            .explain(x, {.index = 0}, plain_run);
    const Numbers a = asked(model, x, 0).values[0].to_doubles();
    Numbers scores, map(positions, 0.0);
    for (int64_t k = 0; k < channels; ++k) {
        // Features and input are of one size: nothing is enlarged.
        const Numbers plane(a.begin() + k * positions, a.begin() + (k + 1) * positions);
        const double least = *std::ranges::min_element(plane),
                     most = *std::ranges::max_element(plane);
        Tensor masked = x;
        for (int64_t p = 0; p < positions; ++p)
            masked.as<float>()[p] = static_cast<float>(
                absent + (plane[p] - least) / (most - least + 1e-8) * (x.as<float>()[p] - absent));
        scores.push_back(model.predict(masked, plain_run).at("y").to_doubles()[0]);
    }
    double below = 0;
    for (const double score : scores) below += std::exp(score);
    for (int64_t k = 0; k < channels; ++k)
        for (int64_t p = 0; p < positions; ++p)
            map[p] += std::exp(scores[k]) / below * a[k * positions + p];
    expect_near(e.attribution.values, map, 1e-5);
    EXPECT_EQ(e.provenance.evaluations, 1 + channels + 1);
    EXPECT_EQ(e.target.baseline, "value:0.25");
}

TEST(AblationCam, IsOneChannelAtATime) {
    const OnnxModel model = load(network(Head::curved));
    const Tensor x = picture(14);
    const Explanation e =
        AblationCam(model, {.layer = "features"}).explain(x, {.index = 1}, plain_run);
    const GradientResult layer = asked(model, x, 1);
    const Split parts = model.split("features");
    const Numbers a = layer.values[0].to_doubles();
    Numbers map(positions, 0.0);
    for (int64_t k = 0; k < channels; ++k) {
        Tensor without = layer.values[0];
        for (int64_t p = 0; p < positions; ++p) without.as<float>()[k * positions + p] = 0;
        const double score =
            parts.above->predict(Batch(without), plain_run).at("y").to_doubles()[1];
        for (int64_t p = 0; p < positions; ++p)
            map[p] += (layer.target[0] - score) / layer.target[0] * a[k * positions + p];
    }
    expect_near(e.attribution.values, map, 1e-5);
    EXPECT_EQ(e.provenance.evaluations, 1 + channels + 1);
}

// One channel after the other a multiple of one pattern: that pattern, centred, is the answer.
TEST(EigenCam, FindsTheOnlyComponentThereIs) {
    graph::Graph graph = empty_graph({value_info("x", ElementType::float32, {-1, 1, side, side})});
    graph::Builder b(graph);
    const std::string scale =
        b.constant(Tensor::of<float>({3, 1, 1, 1}, std::vector<float>{1, -2, 2.5}));
    graph.nodes.push_back(
        {.op = "Conv", .name = "c", .inputs = {"x", scale}, .outputs = {"features"}});
    const std::string pooled =
        b.reshape(b.node("GlobalAveragePool", {"features"}), b.ints({-1, 3}));
    add_output(graph, pooled, "y", value_info("y", ElementType::float32, {-1, 3}));
    const OnnxModel model = load(graph);
    const Tensor x = picture(15);
    const Explanation e = EigenCam(model, {.layer = "features"}).explain(x, {}, plain_run);
    Numbers wanted = x.to_doubles();
    const double mean = total(x) / positions;
    for (double& value : wanted)
        value = (value - mean) * std::sqrt(1 + 4 + 6.25);  // sum of scales > 0
    expect_near(e.attribution.values, wanted, 1e-6);
    EXPECT_FALSE(e.diagnostics.attribution_error.has_value());
    // The target makes no difference, and the explanation says so.
    EXPECT_EQ(EigenCam(model, {.layer = "features"})
                  .explain(x, {.index = 2}, plain_run)
                  .attribution.values,
              e.attribution.values);
    expect_within(e.diagnostics.no_error_because, "never looks at the target");
}

}  // namespace
}  // namespace whence
