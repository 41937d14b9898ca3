// A model cut at a layer: both parts together are the model.

#include <gtest/gtest.h>

#include "core/support.h"
#include "runtime/models.h"

namespace whence {
namespace {

using testing::add_output;
using testing::empty_graph;
using testing::error_of;
using testing::load;
using testing::perceptron;
using testing::plain_run;
using testing::random_tensor;
using testing::value_info;

TEST(OnnxSplit, AboveAfterBelowIsTheModel) {
    const OnnxModel model = load(perceptron(-1));
    const Split parts = model.split("hidden");
    const Tensor x = random_tensor({3, 4}, 1, ElementType::float64);
    const Tensor hidden = parts.below->predict(x, plain_run).at("hidden");
    ASSERT_EQ(hidden.shape(), (Shape{3, 5}));
    ASSERT_EQ(parts.above->inputs().size(), 1u);
    EXPECT_EQ(parts.above->predict(Batch(hidden), plain_run).at("y"), model.predict(x, plain_run).at("y"));
    // Negative control: another layer gives another answer.
    EXPECT_NE(parts.above->predict(Batch(random_tensor({3, 5}, 2, ElementType::float64)), plain_run).at("y"),
              model.predict(x, plain_run).at("y"));
}

TEST(OnnxSplit, GradientsAboveAreThoseOfTheWhole) {
    const OnnxModel model = load(perceptron(-1));
    const Split parts = model.split("hidden");
    const Tensor x = random_tensor({2, 4}, 3, ElementType::float64);
    const GradientRequest request{.output = "y", .index = 1, .values = {"hidden"}, .gradients = {"hidden"}};
    const GradientResult whole = model.run(x, request, plain_run);
    const GradientResult above = parts.above->run(Batch(whole.values[0]), request, plain_run);
    EXPECT_EQ(above.gradients[0], whole.gradients[0]);
    EXPECT_EQ(above.target, whole.target);
}

// y = tanh(x) + x: what bypasses the layer still comes from x.
TEST(OnnxSplit, WhatBypassesTheLayerKeepsTheInput) {
    graph::Graph graph = empty_graph({value_info("x", ElementType::float64, {-1, 4})});
    graph::Builder b(graph);
    graph.nodes.push_back({.op = "Tanh", .name = "t", .inputs = {"x"}, .outputs = {"layer"}});
    add_output(graph, b.add("layer", "x"), "y", value_info("y", ElementType::float64, {-1, 4}));
    const OnnxModel model = load(graph);
    const Split parts = model.split("layer");
    ASSERT_EQ(parts.above->inputs().size(), 2u);
    EXPECT_EQ(parts.above->inputs()[0].name, "layer");
    const Tensor x = random_tensor({2, 4}, 5, ElementType::float64);
    Batch both;
    both.add("layer", parts.below->predict(x, plain_run).at("layer"));
    both.add("x", x);
    EXPECT_EQ(parts.above->predict(both, plain_run).at("y"), model.predict(x, plain_run).at("y"));
}

// Parts are shared by those who ask for the same layer, and outlive the model and its memory of them.
TEST(OnnxSplit, PartsAreKeptAndOutliveTheModel) {
    const Tensor x = random_tensor({2, 4}, 7, ElementType::float64);
    std::vector<Split> held;
    Tensor wanted;
    {
        const OnnxModel model = load(perceptron(-1));
        wanted = model.predict(x, plain_run).at("y");
        std::vector<std::string> layers;
        for (const LayerInfo& layer : model.layers())
            if (layer.name != "y") layers.push_back(layer.name);
        for (int round = 0; round < 3; ++round)
            for (const std::string& layer : layers) held.push_back(model.split(layer));
        EXPECT_GE(held.size(), 9u);
    }
    for (const Split& parts : held) {
        const Tensor features = parts.below->predict(x, plain_run)[0].value;
        EXPECT_EQ(parts.above->predict(Batch(features), plain_run).at("y"), wanted);
    }
}

TEST(OnnxSplit, ALayerThatDoesNotExistIsNamed) {
    const OnnxModel model = load(perceptron(-1));
    testing::expect_within(error_of(ErrorKind::usage, [&] { return model.split("hiden"); }), "'hiden'");
}

}  // namespace
}  // namespace whence
