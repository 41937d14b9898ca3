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

TEST(Randomise, WeightsForManyModelsAreThoseOfEach) {
    const graph::Graph before = network();
    const graph::RandomisedWeights weights(before, 5);
    ASSERT_EQ(weights.layers(), 4);
    for (const std::vector<int64_t>& which : {std::vector<int64_t>{}, {2}, {3, 0}}) {
        const graph::Graph after = graph::randomise(before, which, 5);
        const graph::Constants all = weights.with(which);
        EXPECT_EQ(all.size(), 7U);
        for (const auto& [name, value] : all) EXPECT_EQ(*value, *after.constant(name)) << name;
    }
    testing::expect_within(testing::error_of(ErrorKind::usage, [&] { return weights.with(std::vector<int64_t>{4}).size(); }),
                           "no layer 4");
}

Batch inputs_of(int64_t rows) {
    return Batch({{"x", testing::random_tensor({rows, 2, 4, 4}, 77)}});
}

// Sums of a few dozen float32 products in another order, along four layers.
void expect_rounded(const std::vector<double>& found, const std::vector<double>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    double scale = 0;
    for (const double value : expected) scale = std::max(scale, std::abs(value));
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 256 * 0x1p-24 * scale) << i;
}

void expect_rounded(const Tensor& found, const Tensor& expected) {
    EXPECT_EQ(found.shape(), expected.shape());
    expect_rounded(found.to_doubles(), expected.to_doubles());
}

// The slow twin: the graph with these weights as a model of its own.
TEST(SharedSessions, AnswerAsTheRebuiltGraph) {
    const OnnxModel model = testing::load(network());
    const graph::RandomisedWeights weights(model.graph(), 5);
    std::vector<double> last;
    for (const std::vector<int64_t>& which : {std::vector<int64_t>{}, {3}, {3, 2}, {3, 2, 1}, {0}}) {
        const auto shared = model.with_constants(weights.with(which));
        const auto own = model.with_graph(graph::randomise(model.graph(), which, 5));
        for (const int64_t rows : {1, 3, 16}) {
            const Batch inputs = inputs_of(rows);
            expect_rounded(answers(*shared, inputs), answers(*own, inputs));
            for (const Rules rules : {Rules::gradient, Rules::guided, Rules::deconvolution}) {
                const GradientRequest request{.output = "y", .index = 1, .values = {"y"}, .gradients = {"x"}, .rules = rules};
                const GradientResult found = shared->run(inputs, request, plain_run), expected = own->run(inputs, request, plain_run);
                expect_rounded(found.gradients[0], expected.gradients[0]);
                expect_rounded(found.values[0], expected.values[0]);
                expect_rounded(found.target, expected.target);
                EXPECT_EQ(found.index, expected.index);
            }
        }
        // Negative control: each has weights of its own.
        const std::vector<double> said = answers(*shared, inputs_of(1));
        if (!last.empty()) {
            EXPECT_GT(std::abs(said[0] - last[0]), 1e-3);
        }
        last = said;
        EXPECT_EQ(shared->apart_because(), "");
        EXPECT_EQ(shared->inputs().size(), 1U);
        EXPECT_EQ(shared->outputs()[0].shape, model.outputs()[0].shape);
    }
}

// Gradients of tensors inside, top classes, differences of classes and second derivatives.
TEST(SharedSessions, AnswerEveryKindOfRequest) {
    const OnnxModel model = testing::load(network());
    const graph::RandomisedWeights weights(model.graph(), 5);
    const std::vector<int64_t> which = {1, 3};
    const auto shared = model.with_constants(weights.with(which));
    const auto own = model.with_graph(graph::randomise(model.graph(), which, 5));
    const std::string convolved = model.layers()[0].name;  // which normalisation would be folded into
    const GradientRequest inside{.output = "y", .values = {convolved}, .gradients = {convolved, "x"}};
    const GradientResult found = shared->run(some_input(), inside, plain_run), expected = own->run(some_input(), inside, plain_run);
    for (int i : {0, 1}) expect_rounded(found.gradients[i], expected.gradients[i]);
    expect_rounded(found.values[0], expected.values[0]);
    EXPECT_EQ(found.index, expected.index);
    const GradientRequest between{.output = "y", .index = 1, .minus = 2, .gradients = {"x"}};
    expect_rounded(shared->run(some_input(), between, plain_run).gradients[0], own->run(some_input(), between, plain_run).gradients[0]);
    const std::vector<Tensor> directions = {testing::random_tensor({3, 2, 4, 4}, 8)};
    const SecondGradient twice = shared->second_gradient(some_input(), between, directions, plain_run);
    expect_rounded(twice.products[0], own->second_gradient(some_input(), between, directions, plain_run).products[0]);
}

// Where sessions of its own are worth it the bits are those of the rebuilt graph.
TEST(SharedSessions, OwnOnesForManyRowsPartsAndReferences) {
    const OnnxModel model = testing::load(network());
    const graph::RandomisedWeights weights(model.graph(), 5);
    const std::vector<int64_t> which = {0, 1};
    const auto shared = model.with_constants(weights.with(which));
    const auto own = model.with_graph(graph::randomise(model.graph(), which, 5));
    EXPECT_EQ(answers(*shared, inputs_of(17)), answers(*own, inputs_of(17)));
    const Batch reference({{"x", Tensor(ElementType::float32, {1, 2, 4, 4})}});
    const GradientRequest compared{.output = "y", .index = 1, .gradients = {"x"}, .rules = Rules::deep_lift, .reference = &reference};
    EXPECT_EQ(shared->run(some_input(), compared, plain_run).gradients[0], own->run(some_input(), compared, plain_run).gradients[0]);
    const std::string layer = model.layers()[2].name;
    const Split parts = shared->split(layer), expected = own->split(layer);
    EXPECT_EQ(parts.above->predict(parts.below->predict(some_input(), plain_run), plain_run)[0].value,
              expected.above->predict(expected.below->predict(some_input(), plain_run), plain_run)[0].value);
}

TEST(SharedSessions, SameBitsForAnyThreads) {
    const OnnxModel one = testing::load(network(), {.threads = 1}), two = testing::load(network(), {.threads = 2});
    const std::vector<int64_t> which = {0, 1, 2, 3};
    const auto a = one.with_constants(graph::RandomisedWeights(one.graph(), 5).with(which));
    const auto b = two.with_constants(graph::RandomisedWeights(two.graph(), 5).with(which));
    const GradientRequest request{.output = "y", .index = 1, .gradients = {"x"}};
    for (const int64_t rows : {1, 3, 16}) {
        EXPECT_EQ(answers(*a, inputs_of(rows)), answers(*b, inputs_of(rows)));
        EXPECT_EQ(a->run(inputs_of(rows), request, plain_run).gradients[0], b->run(inputs_of(rows), request, plain_run).gradients[0]);
    }
}

// Embeddings and a recurrent layer; gradients of the embedding.
TEST(SharedSessions, OfATextModel) {
    graph::Graph graph = testing::empty_graph({testing::value_info("ids", ElementType::int64, {-1, 4})});
    graph::Builder b(graph);
    const auto weight = [&](const Shape& shape, uint64_t seed) { return b.constant(testing::random_tensor(shape, seed)); };
    graph.nodes.push_back({.op = "Gather", .name = "embed", .inputs = {weight({20, 5}, 1), "ids"}, .outputs = {"words"}});
    const std::string steps = b.transpose("words", {1, 0, 2});
    const std::string hidden = b.nodes("GRU", {steps, weight({1, 18, 5}, 2), weight({1, 18, 6}, 3), weight({1, 36}, 4)}, 2,
                                       {{"hidden_size", int64_t{6}}})[1];
    const std::string last = b.node("Squeeze", {hidden, b.ints({0})});
    testing::add_output(graph, b.node("MatMul", {last, weight({6, 3}, 5)}), "y", testing::value_info("y", ElementType::float32, {-1, 3}));
    const OnnxModel model = testing::load(graph);
    const graph::RandomisedWeights weights(model.graph(), 5);
    EXPECT_EQ(weights.layers(), 3);
    const Batch inputs({{"ids", Tensor::of<int64_t>({2, 4}, std::vector<int64_t>{1, 2, 3, 4, 19, 0, 7, 7})}});
    for (const std::vector<int64_t>& which : {std::vector<int64_t>{2}, {2, 1}, {2, 1, 0}}) {
        const auto shared = model.with_constants(weights.with(which));
        const auto own = model.with_graph(graph::randomise(model.graph(), which, 5));
        expect_rounded(answers(*shared, inputs), answers(*own, inputs));
        const GradientRequest request{.output = "y", .index = 2, .gradients = {"words"}};
        expect_rounded(shared->run(inputs, request, plain_run).gradients[0], own->run(inputs, request, plain_run).gradients[0]);
        EXPECT_EQ(shared->apart_because(), "");
    }
}

// A bias that is also the step of a rounding, which must be a constant for gradients to pass.
TEST(SharedSessions, WhatCannotBeLiftedHasItsOwnAndSaysWhy) {
    graph::Graph graph = testing::empty_graph({testing::value_info("x", ElementType::float32, {-1, 2, 4, 4})});
    graph::Builder b(graph);
    const std::string step = b.constant(Tensor::of<float>({1}, std::vector<float>{0.25F}));
    const std::string conv = b.node("Conv", {"x", b.constant(testing::random_tensor({1, 2, 4, 4}, 1)), step});
    const std::string zero = b.constant(Tensor(ElementType::int8, {1}));
    const std::string rounded = b.node("DequantizeLinear", {b.node("QuantizeLinear", {conv, step, zero}, {{"axis", int64_t{1}}}), step, zero},
                                       {{"axis", int64_t{1}}});
    testing::add_output(graph, b.node("Flatten", {rounded}), "y", testing::value_info("y", ElementType::float32, {-1, 1}));
    const OnnxModel model = testing::load(graph);
    const std::vector<int64_t> which = {0};
    const auto shared = model.with_constants(graph::RandomisedWeights(model.graph(), 5).with(which));
    const auto own = model.with_graph(graph::randomise(model.graph(), which, 5));
    const GradientRequest request{.output = "y", .index = 0, .gradients = {"x"}};
    for (int again = 0; again < 2; ++again)
        EXPECT_EQ(shared->run(inputs_of(2), request, plain_run).gradients[0], own->run(inputs_of(2), request, plain_run).gradients[0]);
    testing::expect_within(shared->apart_because(), "scale that is no constant");
    EXPECT_EQ(own->apart_because(), "");
}

TEST(SharedSessions, RefusesConstantsThatDoNotFit) {
    const OnnxModel model = testing::load(network());
    const auto with = [&](const std::string& name, Tensor value) {
        return testing::error_of(ErrorKind::usage, [&] {
            return model.with_constants({{name, std::make_shared<const Tensor>(std::move(value))}})->inputs().size();
        });
    };
    const std::string bias = graph::weighted_layers(model.graph())[0].weights[1];
    testing::expect_within(with("nobody", Tensor(ElementType::float32, {3})), "no constant 'nobody'");
    testing::expect_within(with(bias, Tensor(ElementType::float32, {4})), "not float32 [4]");
    testing::expect_within(with(bias, Tensor(ElementType::float64, {3})), "not float64");
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
