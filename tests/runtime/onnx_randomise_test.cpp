// Graphs with layers drawn anew and inputs shifted, as models.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/support.h"
#include "runtime/models.h"
#include "whence/graph/passes/passes.h"
#include "whence/graph/randomise.h"

namespace whence {
namespace {

using testing::plain_run;

// Convolution with bias, batch normalisation, ReLU, flatten, Gemm; beside it an embedding.
graph::Graph network() {
    graph::Graph graph = testing::empty_graph({testing::value_info("x", ElementType::float32, {-1, 2, 4, 4})});
    graph::Builder b(graph);
    const auto weight = [&](const Shape& shape, uint64_t seed) {
        return b.constant(testing::random_tensor(shape, seed));
    };
    const std::string conv = b.node("Conv", {"x", weight({3, 2, 3, 3}, 1), weight({3}, 2)},
                                    {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
    const std::string variance = b.constant(Tensor::of<float>({3}, std::vector<float>{1, 2, 3}));
    const std::string norm = b.node("BatchNormalization", {conv, weight({3}, 3), weight({3}, 4), weight({3}, 5), variance});
    const std::string flat = b.node("Flatten", {b.node("Relu", {norm})});
    const std::string hidden = b.node("Gemm", {flat, weight({6, 48}, 6), weight({6}, 7)}, {{"transB", int64_t{1}}});
    const std::string table = b.node("Gather", {weight({9, 6}, 8), b.ints({4})});
    const std::string mixed = b.add(b.node("Relu", {hidden}), table);
    const std::string product = b.node("MatMul", {mixed, weight({6, 5}, 9)});
    testing::add_output(graph, b.add(product, weight({5}, 10)), "y", testing::value_info("y", ElementType::float32, {-1, 5}));
    return graph;
}

Batch some_input() {
    return Batch({{"x", testing::random_tensor({3, 2, 4, 4}, 77)}});
}

std::vector<double> answers(const OnnxModel& model, const Batch& inputs) {
    return model.predict(inputs, plain_run)[0].value.to_doubles();
}

TEST(Randomise, FindsLayersWithTheirBias) {
    const std::vector<graph::WeightedLayer> layers = graph::weighted_layers(network());
    ASSERT_EQ(layers.size(), 4U);
    EXPECT_EQ(layers[0].op, "Conv");
    EXPECT_EQ(layers[0].weights.size(), 2U);
    EXPECT_NEAR(layers[0].bound, 1 / std::sqrt(18.0), 1e-15);
    EXPECT_EQ(layers[1].op, "Gemm");
    EXPECT_NEAR(layers[1].bound, 1 / std::sqrt(48.0), 1e-15);
    EXPECT_EQ(layers[2].op, "Gather");
    EXPECT_EQ(layers[2].bound, 0);
    EXPECT_EQ(layers[3].op, "MatMul");
    EXPECT_EQ(layers[3].weights.size(), 2U);
    EXPECT_NEAR(layers[3].bound, 1 / std::sqrt(6.0), 1e-15);
}

TEST(Randomise, DrawsTheLayersNamedAndNoOther) {
    const graph::Graph before = network();
    const std::vector<graph::WeightedLayer> layers = graph::weighted_layers(before);
    const std::vector<int64_t> which = {0, 2};
    const graph::Graph after = graph::randomise(before, which, 5);
    for (const auto& [name, constant] : before.initializers) {
        const bool drawn = std::ranges::any_of(which, [&](int64_t layer) {
            return std::ranges::count(layers[layer].weights, name) > 0;
        });
        EXPECT_EQ(*constant == *after.constant(name), !drawn) << name;
    }
    const std::vector<double> conv = after.constant(layers[0].weights[0])->to_doubles();
    const auto [low, high] = std::ranges::minmax(conv);
    EXPECT_LT(high, layers[0].bound);
    EXPECT_GT(high, 0.8 * layers[0].bound);
    EXPECT_GT(low, -layers[0].bound);
    EXPECT_LT(low, -0.8 * layers[0].bound);
}

TEST(Randomise, EmbeddingsKeepMeanAndDeviation) {
    graph::Graph graph = testing::empty_graph({testing::value_info("i", ElementType::int64, {-1})});
    graph::Builder b(graph);
    Tensor table = testing::random_tensor({200, 50}, 1);
    for (float& v : table.as<float>()) v = 3 + 0.5F * v;
    testing::add_output(graph, b.node("Gather", {b.constant(table), "i"}), "y",
                        testing::value_info("y", ElementType::float32, {-1, 50}));
    const std::vector<int64_t> first = {0};
    const graph::Graph after = graph::randomise(graph, first, 1);
    const std::vector<double> drawn = after.constant(graph::weighted_layers(graph)[0].weights[0])->to_doubles();
    double mean = 0, squares = 0;
    for (const double v : drawn) mean += v / 1e4;
    for (const double v : drawn) squares += (v - mean) * (v - mean) / 1e4;
    EXPECT_NEAR(mean, 3, 0.03);
    EXPECT_NEAR(std::sqrt(squares), 0.5, 0.02);
}

TEST(Randomise, OneLayerMoreLeavesTheOthers) {
    const graph::Graph graph = network();
    const std::vector<int64_t> one = {3}, two = {3, 1};
    const std::string last = graph::weighted_layers(graph)[3].weights[0];
    EXPECT_EQ(*graph::randomise(graph, one, 8).constant(last), *graph::randomise(graph, two, 8).constant(last));
    EXPECT_FALSE(*graph::randomise(graph, one, 8).constant(last) == *graph::randomise(graph, one, 9).constant(last));
}

TEST(Randomise, RefusesALayerThatIsNotThere) {
    const std::vector<int64_t> none = {4};
    testing::expect_within(
        testing::error_of(ErrorKind::usage, [&] { return graph::randomise(network(), none, 0).nodes.size(); }),
        "no layer 4");
}

// The slow twin: the randomised graph written to a file's bytes and read again.
TEST(Randomise, ModelOfTheGraphEqualsItsFile) {
    const OnnxModel model = testing::load(network());
    const std::vector<int64_t> which = {0, 1};
    const graph::Graph drawn = graph::randomise(model.graph(), which, 5);
    const auto other = model.with_graph(drawn);
    EXPECT_EQ(other->outputs()[0].shape, model.outputs()[0].shape);
    const std::vector<double> found = answers(*other, some_input()), file = answers(testing::load(drawn), some_input());
    EXPECT_EQ(found, file);
    EXPECT_NE(found, answers(model, some_input()));
    const GradientRequest request{.output = "y", .index = 1, .gradients = {"x"}};
    EXPECT_EQ(other->run(some_input(), request, plain_run).gradients[0],
              testing::load(drawn).run(some_input(), request, plain_run).gradients[0]);
}

TEST(ShiftInput, AnswersAsBeforeToShiftedInputs) {
    const OnnxModel model = testing::load(network());
    graph::Graph graph = model.graph();
    graph::shift_input(graph, "x", Tensor::of<float>({}, std::vector<float>{2}));
    const auto shifted = model.with_graph(graph);
    Batch moved = some_input();
    for (float& v : moved[0].value.as<float>()) v += 2;
    const std::vector<double> before = answers(model, some_input()), after = answers(*shifted, moved);
    // x + 2 - 2 rounds in float32.
    for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 1e-4);
    // Negative control: without the shift it answers otherwise.
    EXPECT_GT(std::abs(answers(*shifted, some_input())[0] - before[0]), 1e-2);
    testing::expect_within(testing::error_of(ErrorKind::usage,
                                             [&] {
                                                 graph::shift_input(graph, "z", Tensor());
                                                 return 0;
                                             }),
                           "no input 'z'");
    testing::expect_within(testing::error_of(ErrorKind::unsupported,
                                             [&] {
                                                 graph::shift_input(graph, "x", Tensor(ElementType::int64, {}));
                                                 return 0;
                                             }),
                           "int64");
}

}  // namespace
}  // namespace whence
