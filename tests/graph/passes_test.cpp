// Each pass leaves a graph that computes the same: before and after run on ONNX Runtime.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/graph/body.h"
#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"
#include "whence/runtime/session.h"

namespace whence::graph {
namespace {

// Sums of a few dozen float32 products in another order.
constexpr double tolerance = 64 * 0x1p-24;

Tensor uniform(Shape shape, uint64_t seed) {
    std::vector<double> values(element_count(shape));
    Rng rng(seed, 1, 2);
    for (double& value : values) value = rng.uniform() + 0.25;
    return Tensor::of<double>(std::move(shape), values).cast(ElementType::float32);
}

Constant shared(Tensor tensor) { return std::make_shared<const Tensor>(std::move(tensor)); }
Constant ints(const std::vector<int64_t>& values) {
    return shared(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values));
}

ValueInfo info(const std::string& name, const std::vector<int64_t>& lengths) {
    ValueInfo value{.name = name, .type = ElementType::float32, .shape = std::vector<Dimension>{}};
    for (const int64_t length : lengths) value.shape->push_back({length, length < 0 ? "N" : ""});
    return value;
}

// A graph x -> y, whose nodes the test adds.
Graph graph_of(const std::vector<int64_t>& x, std::vector<Node> nodes, int64_t opset = 18) {
    Graph graph;
    graph.opsets[""] = opset;
    graph.inputs = {info("x", x)};
    graph.outputs = {{.name = "y", .type = ElementType::float32}};
    graph.nodes = std::move(nodes);
    return graph;
}

std::vector<Tensor> run(const Graph& graph, const std::vector<Tensor>& inputs) {
    verify(graph);
    std::vector<const Tensor*> pointers;
    for (const Tensor& input : inputs) pointers.push_back(&input);
    return runtime::Session(graph, {.threads = 1}).run(pointers, Run{});
}

void expect_close(const Tensor& got, const Tensor& wanted) {
    ASSERT_EQ(got.shape(), wanted.shape());
    const std::vector<double> a = got.to_doubles(), b = wanted.to_doubles();
    double scale = 0;
    for (const double value : b) scale = std::max(scale, std::abs(value));
    for (size_t i = 0; i < b.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance * scale) << "element " << i;
}

Graph normalised_convolution() {
    Graph graph = graph_of({-1, 2, 5, 5}, {{.op = "Conv", .inputs = {"x", "w", "b"}, .outputs = {"c"}},
                                           {.op = "BatchNormalization", .inputs = {"c", "s", "t", "m", "v"}, .outputs = {"y"}}});
    graph.initializers = {{"w", shared(uniform({3, 2, 3, 3}, 1))}, {"b", shared(uniform({3}, 2))}, {"s", shared(uniform({3}, 3))},
                          {"t", shared(uniform({3}, 4))},          {"m", shared(uniform({3}, 5))}, {"v", shared(uniform({3}, 6))}};
    return graph;
}

TEST(Passes, FoldBatchNormalization) {
    const Graph before = normalised_convolution();
    Graph after = before;
    fold_batch_normalization(after, {});
    EXPECT_EQ(after.nodes.size(), 1u);
    const Tensor x = uniform({2, 2, 5, 5}, 7);
    expect_close(run(after, {x})[0], run(before, {x})[0]);
}

TEST(Passes, LiftConstantsMakesThemInputs) {
    const Graph before = normalised_convolution();
    Graph after = before;
    lift_constants(after, {"w", "s"});
    ASSERT_EQ(after.inputs.size(), 3u);
    EXPECT_EQ(after.inputs[2].name, "s");
    EXPECT_EQ(after.initializers.count("w"), 0u);
    const Tensor x = uniform({2, 2, 5, 5}, 7);
    expect_close(run(after, {x, *before.constant("w"), *before.constant("s")})[0], run(before, {x})[0]);
    EXPECT_THROW(lift_constants(after, {"w"}), Error);
}

// Weights that are inputs of the graph are scaled where they come in; statistics that are, are left alone.
TEST(Passes, FoldBatchNormalizationIntoLiftedWeights) {
    const Tensor x = uniform({2, 2, 5, 5}, 7);
    const Graph constant = normalised_convolution();
    for (const bool bias : {true, false}) {
        Graph before = constant;
        if (!bias) before.nodes[0].inputs.pop_back();
        Graph after = before;
        const std::vector<std::string> names = bias ? std::vector<std::string>{"w", "b"} : std::vector<std::string>{"w"};
        lift_constants(after, names);
        fold_batch_normalization(after, {});
        EXPECT_TRUE(std::ranges::none_of(after.nodes, [](const Node& node) { return node.is("BatchNormalization"); }));
        EXPECT_EQ(after.value(after.nodes.back().inputs[1]).lengths(), (Shape{3, 2, 3, 3}));
        std::vector<Tensor> inputs = {x};
        for (const std::string& name : names) inputs.push_back(*constant.constant(name));
        expect_close(run(after, inputs)[0], run(before, {x})[0]);
        for (Tensor& input : inputs) input = uniform(input.shape(), 11);
        Graph other = before;
        for (size_t i = 0; i < names.size(); ++i) other.initializers[names[i]] = shared(inputs[i + 1]);
        expect_close(run(after, inputs)[0], run(other, {inputs[0]})[0]);
    }
    Graph statistics = constant;
    lift_constants(statistics, {"m"});
    fold_batch_normalization(statistics, {});
    EXPECT_EQ(statistics.nodes.size(), 2u);
}

TEST(Passes, FoldBatchNormalizationLeavesWhatOthersNeed) {
    Graph kept = normalised_convolution();
    fold_batch_normalization(kept, {"c"});
    EXPECT_EQ(kept.nodes.size(), 2u);
    Graph read_twice = normalised_convolution();
    read_twice.outputs.push_back({.name = "c", .type = ElementType::float32});
    fold_batch_normalization(read_twice, {});
    EXPECT_EQ(read_twice.nodes.size(), 2u);
}

TEST(Passes, FoldConstants) {
    Graph graph = graph_of({-1, 2}, {{.op = "Constant", .outputs = {"k"}, .attributes = {{"value_floats", std::vector<float>{1, 2}}}},
                                     {.op = "Identity", .inputs = {"k"}, .outputs = {"copy"}},
                                     {.op = "Mul", .inputs = {"x", "copy"}, .outputs = {"y"}}});
    const Tensor x = uniform({3, 2}, 1);
    const Tensor wanted = run(graph, {x})[0];
    fold_constants(graph);
    EXPECT_EQ(graph.nodes.size(), 1u);
    EXPECT_EQ(run(graph, {x})[0], wanted);
}

// As transformers for pictures are exported: patches reshaped for one row, a class token before them.
TEST(Passes, FreeBatchDimension) {
    Graph graph = graph_of({1, 2, 6}, {{.op = "Reshape", .inputs = {"x", "patches"}, .outputs = {"p"}},
                                       {.op = "Concat", .inputs = {"token", "p"}, .outputs = {"t"}, .attributes = {{"axis", int64_t{1}}}},
                                       {.op = "Reshape", .inputs = {"t", "flat"}, .outputs = {"f"}},
                                       {.op = "MatMul", .inputs = {"f", "w"}, .outputs = {"y"}}});
    graph.initializers = {{"patches", ints({1, 4, 3})}, {"token", shared(uniform({1, 1, 3}, 1))}, {"flat", ints({1, -1})},
                          {"w", shared(uniform({15, 2}, 2))}};
    Graph freed = graph;
    ASSERT_TRUE(free_batch_dimension(freed));
    const Tensor x = uniform({3, 2, 6}, 3);
    const Tensor together = run(freed, {x})[0];
    ASSERT_EQ(together.shape(), (Shape{3, 2}));
    for (int64_t row = 0; row < 3; ++row) expect_close(together.slice_rows(row, 1), run(graph, {x.slice_rows(row, 1)})[0]);
    EXPECT_FALSE(free_batch_dimension(freed)) << "free already";
}

TEST(Passes, UpgradeOpset) {
    Graph old = graph_of({-1, 3, 4}, {{.op = "Softmax", .inputs = {"x"}, .outputs = {"s"}, .attributes = {{"axis", int64_t{1}}}},
                                      {.op = "ReduceMean", .inputs = {"s"}, .outputs = {"r"},
                                       .attributes = {{"axes", std::vector<int64_t>{2}}, {"keepdims", int64_t{0}}}},
                                      {.op = "Clip", .inputs = {"r"}, .outputs = {"y"}, .attributes = {{"max", 0.1F}}}}, 10);
    old.values["x"] = old.inputs[0];
    Graph upgraded = old;
    upgrade_opset(upgraded);
    EXPECT_EQ(upgraded.opset(), 18);
    const Tensor x = uniform({2, 3, 4}, 1);
    expect_close(run(upgraded, {x})[0], run(old, {x})[0]);
    old.opsets[""] = 6;
    EXPECT_THROW(upgrade_opset(old), Error);
}

// Old operator sets gave the statistics of training, too.
TEST(Passes, UpgradeOpsetRefusesWhatItWouldDropIfItIsUsed) {
    const auto statistics = [](const char* used) {
        Graph old = graph_of({-1, 3}, {{.op = "BatchNormalization", .inputs = {"x", "c", "c", "c", "c"}, .outputs = {"n", "mean"}},
                                       {.op = "Identity", .inputs = {used}, .outputs = {"y"}}}, 9);
        old.initializers = {{"c", shared(uniform({3}, 1))}};
        return old;
    };
    Graph unused = statistics("n"), used = statistics("mean");
    upgrade_opset(unused);
    EXPECT_EQ(unused.nodes[0].outputs, std::vector<std::string>{"n"});
    EXPECT_NO_THROW(verify(unused));
    try {
        upgrade_opset(used);
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_NE(std::string(error.what()).find("output 'mean' of BatchNormalization"), std::string::npos) << error.what();
    }
}

TEST(Passes, AddPixelTransform) {
    Graph graph = graph_of({-1, 3, 2, 2}, {{.op = "Identity", .inputs = {"x"}, .outputs = {"y"}}});
    const PixelTransform transform{.reverse_channels = true, .mean = {0.5, 0.4, 0.3}, .std = {0.2, 0.25, 0.5}, .scale = 2};
    const std::string pixels = add_pixel_transform(graph, transform, 2, 2);
    ASSERT_EQ(graph.inputs.size(), 1u);
    EXPECT_EQ(graph.inputs[0].name, pixels);
    EXPECT_EQ(graph.inputs[0].lengths(), (Shape{-1, 2, 2, 3}));
    const Tensor x = uniform({2, 2, 2, 3}, 1);
    const std::vector<double> from = x.to_doubles();
    std::vector<double> wanted;
    for (int64_t n = 0; n < 2; ++n)
        for (int64_t c = 0; c < 3; ++c)
            for (int64_t at = 0; at < 4; ++at)
                wanted.push_back((from[(n * 4 + at) * 3 + (2 - c)] * 2 - transform.mean[c]) / transform.std[c]);
    expect_close(run(graph, {x})[0], Tensor::of<double>({2, 3, 2, 2}, wanted).cast(ElementType::float32));
}

TEST(Passes, AddPixelTransformRefusesIntegers) {
    Graph graph = graph_of({-1, 3, 2, 2}, {{.op = "Identity", .inputs = {"x"}, .outputs = {"y"}}});
    graph.inputs[0].type = ElementType::uint8;
    EXPECT_THROW(add_pixel_transform(graph, {}, 2, 2), Error);
}

// The scores of a graph in another scale, run.
std::vector<double> scores(Graph graph, Scale scale, const Tensor& x) {
    const std::string name = scores_in(graph, "y", scale);
    graph.outputs = {{.name = name, .type = ElementType::float32}};
    remove_unused(graph);
    return run(graph, {x})[0].to_doubles();
}

TEST(Passes, ScoresInEveryScale) {
    const Tensor x = Tensor::of<float>({1, 3}, std::vector<float>{0.5F, -1, 2});
    const double sum = std::exp(0.5) + std::exp(-1) + std::exp(2);
    for (const char* op : {"Softmax", "LogSoftmax", "Identity"}) {
        Graph graph = graph_of({-1, 3}, {{.op = op, .inputs = {"x"}, .outputs = {"y"}}});
        graph.outputs[0] = info("y", {-1, 3});
        EXPECT_NEAR(scores(graph, Scale::logit, x)[1], -1, tolerance) << op;
        EXPECT_NEAR(scores(graph, Scale::probability, x)[1], std::exp(-1) / sum, tolerance) << op;
        EXPECT_NEAR(scores(graph, Scale::log_probability, x)[1], -1 - std::log(sum), 4 * tolerance) << op;
    }
    Graph graph = graph_of({-1, 3}, {{.op = "Sigmoid", .inputs = {"x"}, .outputs = {"y"}}});
    EXPECT_EQ(output_scale(graph, "y"), Scale::probability);
    EXPECT_NEAR(scores(graph, Scale::logit, x)[2], 2, tolerance);
    EXPECT_NEAR(scores(graph, Scale::log_probability, x)[2], -std::log1p(std::exp(-2)), tolerance);
}

TEST(Passes, CutsComposeToTheWhole) {
    Graph graph = graph_of({-1, 2}, {{.op = "Exp", .inputs = {"x"}, .outputs = {"h"}},
                                     {.op = "Neg", .inputs = {"h"}, .outputs = {"n"}},
                                     {.op = "Add", .inputs = {"n", "h"}, .outputs = {"sum"}},
                                     {.op = "Mul", .inputs = {"sum", "n"}, .outputs = {"y"}}});
    graph.values["h"] = info("h", {-1, 2});
    const Tensor x = uniform({3, 2}, 1);
    const Tensor h = run(cut_below(graph, {"h"}), {x})[0];
    const Graph above = cut_above(graph, "h");
    EXPECT_EQ(above.inputs.size(), 1u);
    EXPECT_EQ(run(above, {h})[0], run(graph, {x})[0]);
    EXPECT_THROW(static_cast<void>(cut_above(graph, "none")), Error);
    EXPECT_THROW(static_cast<void>(cut_below(graph, {"none"})), Error);
}

TEST(Passes, CutAboveKeepsInputsThatGoRound) {
    Graph graph = graph_of({-1, 2}, {{.op = "Exp", .inputs = {"x"}, .outputs = {"h"}}, {.op = "Add", .inputs = {"h", "x"}, .outputs = {"y"}}});
    const Graph above = cut_above(graph, "h");
    ASSERT_EQ(above.inputs.size(), 2u);
    EXPECT_EQ(above.inputs[1].name, "x");
}

// y = c ? relu(x) + w : x, in a branch that says how long its result is.
Graph forked(ElementType type) {
    Graph graph = graph_of({1, 2}, {});
    Graph taken = graph_of({}, {{.op = "Relu", .inputs = {"x"}, .outputs = {"r"}}, {.op = "Add", .inputs = {"r", "w"}, .outputs = {"a"}}});
    taken.inputs.clear();
    const bool half = type == ElementType::float16;  // of which no numbers can be made
    taken.initializers["w"] = shared(half ? Tensor(type, {2}) : Tensor::of<float>({2}, std::vector<float>{1, 2}));
    taken.outputs = {info("a", {1, 2})};
    Graph other = graph_of({}, {{.op = "Identity", .inputs = {"x"}, .outputs = {"b"}}});
    other.inputs.clear();
    other.outputs = {info("b", {1, 2})};
    for (ValueInfo* output : {&graph.inputs[0], &graph.outputs[0], &taken.outputs[0], &other.outputs[0]}) output->type = type;
    Node fork{.op = "If", .inputs = {"c"}, .outputs = {"y"}};
    set_body(fork, "then_branch", std::move(taken));
    set_body(fork, "else_branch", std::move(other));
    graph.nodes = {std::move(fork)};
    graph.initializers["c"] = shared(Tensor::of<double>({}, std::vector<double>{1}).cast(ElementType::boolean));
    return graph;
}

TEST(Passes, FreeBatchDimensionReachesBodies) {
    Graph graph = forked(ElementType::float32);
    EXPECT_TRUE(free_batch_dimension(graph));
    const Tensor x = uniform({3, 2}, 1);
    const std::vector<double> y = run(graph, {x})[0].to_doubles(), from = x.to_doubles();
    for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(y[i], from[i] + 1.0 + static_cast<double>(i % 2), tolerance);
}

TEST(Passes, ComputeInSinglePrecisionReachesBodies) {
    Graph graph = forked(ElementType::float16);
    EXPECT_TRUE(compute_in_single_precision(graph));
    const Tensor x = uniform({1, 2}, 1);
    EXPECT_EQ(run(graph, {x})[0].type(), ElementType::float32);
    EXPECT_FALSE(compute_in_single_precision(graph));
}

// x + 1 + ... + 1, n times.
Graph counting(int64_t n) {
    Graph body = graph_of({}, {{.op = "Add", .inputs = {"h", "one"}, .outputs = {"next"}}, {.op = "Identity", .inputs = {"go"}, .outputs = {"on"}}});
    body.inputs = {{.name = "i", .type = ElementType::int64, .shape = std::vector<Dimension>{}},
                   {.name = "go", .type = ElementType::boolean, .shape = std::vector<Dimension>{}},
                   {.name = "h", .type = ElementType::float32}};
    body.outputs = {{.name = "on", .type = ElementType::boolean}, {.name = "next", .type = ElementType::float32}};
    Node loop{.op = "Loop", .inputs = {"n", "", "x"}, .outputs = {"y"}};
    set_body(loop, "body", std::move(body));
    Graph graph = graph_of({-1, 2}, {std::move(loop)});
    graph.initializers = {{"n", shared(Tensor::of<int64_t>({}, std::vector<int64_t>{n}))}, {"one", shared(Tensor::of<float>({}, std::vector<float>{1}))}};
    return graph;
}

TEST(Passes, UnrollWritesStepsOut) {
    const Graph before = counting(4);
    Graph after = before;
    EXPECT_TRUE(unroll(after));
    EXPECT_EQ(std::ranges::count(after.nodes, "Add", &Node::op), 4);
    EXPECT_EQ(std::ranges::count(after.nodes, "Loop", &Node::op), 0);
    const Tensor x = uniform({3, 2}, 1);
    expect_close(run(after, {x})[0], run(before, {x})[0]);
    EXPECT_FALSE(unroll(after));
}

TEST(Passes, UnrollOfNoSteps) {
    for (const int64_t n : {0, -1}) {
        Graph graph = counting(n);
        EXPECT_TRUE(unroll(graph));
        const Tensor x = uniform({3, 2}, 1);
        EXPECT_EQ(run(graph, {x})[0], x);
    }
}

TEST(Passes, UnrollLeavesLoopsThatAreTooLong) {
    for (const int64_t n : {int64_t{20'000}, int64_t{1'000'000'000}, int64_t{1} << 62}) {
        Graph graph = counting(n);
        EXPECT_FALSE(unroll(graph)) << n;
    }
}

// Together they would be too long: some are written out.
TEST(Passes, UnrollBoundsTheSumOfLoops) {
    Graph graph = counting(4000);
    for (int i = 0; i < 20; ++i) {
        Node further = graph.nodes.front();
        further.outputs[0] += std::to_string(i);
        graph.nodes.push_back(std::move(further));
    }
    while (unroll(graph)) EXPECT_LT(graph.nodes.size(), 40'000u);
    EXPECT_GT(std::ranges::count(graph.nodes, "Loop", &Node::op), 0);
}

TEST(Passes, DropZipMap) {
    Graph graph = graph_of({-1, 2}, {{.op = "ZipMap", .domain = "ai.onnx.ml", .inputs = {"x"}, .outputs = {"y"},
                                      .attributes = {{"classlabels_strings", std::vector<std::string>{"cat", "dog"}}}}});
    graph.opsets["ai.onnx.ml"] = 1;
    graph.outputs[0] = {.name = "y"};
    EXPECT_EQ(drop_zipmap(graph), (std::vector<std::string>{"cat", "dog"}));
    const Tensor x = uniform({3, 2}, 1);
    EXPECT_EQ(run(graph, {x})[0], x);
    EXPECT_TRUE(drop_zipmap(graph).empty());
}

}  // namespace
}  // namespace whence::graph
