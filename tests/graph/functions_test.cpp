// Model-local functions: written out they compute what ONNX Runtime computes with them; hostile
// ones end.

#include <gtest/gtest.h>

#include <algorithm>

#include "core/support.h"
#include "graph/protobuf.h"
#include "whence/graph/io.h"
#include "whence/runtime/onnx_model.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using testing::plain_run;

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
graph::Graph parse(const std::string& model) {
    return graph::parse_model(bytes_of(model), {});
}

std::string import_of(const std::string& domain) {
    return test::text(8, test::text(1, domain) + test::number(2, 1));
}
std::string with_functions(const std::string& graph, const std::string& functions) {
    return test::model(graph) + import_of("own") + functions;
}
// The attribute `name` of a node inside a function that takes the call's `slope`.
std::string refers(const std::string& name) {
    return test::text(5, test::text(1, name) + test::text(21, "slope") + test::number(20, 1));
}
// LeakyRelu's alpha as 0.5 at a call.
std::string slope_half() {
    return test::text(
        5, test::text(1, "slope") + std::string("\x15\x00\x00\x00\x3f", 5) + test::number(20, 1));
}

// gate(x) = leaky(x) * x; leaky(x; slope) = LeakyRelu(x, alpha = slope), called twice and nested.
std::string gated() {
    const std::string leaky = test::function(
        "leaky", {"a"}, {"b"}, test::body("LeakyRelu", {"a"}, {"b"}, refers("alpha")));
    const std::string gate = test::function(
        "gate", {"a"}, {"b", "same"},
        test::body("leaky", {"a"}, {"t"}, test::own() + refers("slope")) +
            test::body("Mul", {"t", "a"}, {"b"}) + test::body("Identity", {"a"}, {"same"}));
    return with_functions(test::call("gate", {"x"}, {"h"}, slope_half()) +
                              test::call("gate", {"h"}, {"y"}, slope_half()) + test::input("x") +
                              test::output("y"),
                          leaky + gate);
}

TEST(Functions, AreWrittenOut) {
    const graph::Graph graph = parse(gated());
    EXPECT_TRUE(std::ranges::all_of(graph.nodes,
                                    [](const graph::Node& node) { return node.domain.empty(); }));
    const OnnxModel model = OnnxModel::parse(bytes_of(gated()));
    const Tensor x = Tensor::of<float>({1, 2}, {-2.0F, 3.0F});
    // gate(-2) = 0.5 (-2) (-2) = 2, gate(2) = 4; gate(3) = 9, gate(9) = 81.
    const Batch y = model.predict(x, plain_run);
    EXPECT_EQ(y[0].value.to_doubles(), (std::vector<double>{4, 81}));
    // d gate(gate(x)): slope of t^2 at 2 is 4, of t^2/2 at -2 is -2; 18 times 6.
    for (const auto& [index, slope] : {std::pair{0, -8.0}, std::pair{1, 108.0}}) {
        const GradientResult result =
            model.run(x, {.output = "y", .index = index, .gradients = {"x"}}, plain_run);
        EXPECT_EQ(result.gradients[0].to_doubles()[index], slope);
    }
}

TEST(Functions, AnOutputMayBeAnInput) {
    const std::string function = test::function("pass", {"a"}, {"a"}, "");
    const OnnxModel model = OnnxModel::parse(bytes_of(with_functions(
        test::call("pass", {"x"}, {"y"}) + test::input("x") + test::output("y"), function)));
    const Tensor x = Tensor::of<float>({1, 2}, {1, 2});
    EXPECT_EQ(model.predict(x, plain_run)[0].value, x);
}

TEST(Functions, ThatCallThemselvesAreRefused) {
    const std::string graph = test::call("a", {"x"}, {"y"}) + test::input("x") + test::output("y");
    const std::string endless =
        test::function("a", {"p"}, {"q"}, test::body("b", {"p"}, {"q"}, test::own())) +
        test::function("b", {"p"}, {"q"}, test::body("a", {"p"}, {"q"}, test::own()));
    expect_within(error_of(ErrorKind::model, [&] { return parse(with_functions(graph, endless)); }),
                  "calls itself");
}

// f0 calls f1 twice, which calls f2 twice, ...: 2^40 nodes.
TEST(Functions, ThatGrowBeyondMeasureAreRefused) {
    std::string functions;
    const auto label = [](int i) { return std::string(1, 'f') + std::to_string(i); };
    for (int i = 0; i < 40; ++i)
        functions += test::function(label(i), {"p"}, {"q"},
                                    test::body(label(i + 1), {"p"}, {"t"}, test::own()) +
                                        test::body(label(i + 1), {"t"}, {"q"}, test::own()));
    functions += test::function("f40", {"p"}, {"q"}, test::body("Relu", {"p"}, {"q"}));
    const std::string graph = test::call("f0", {"x"}, {"y"}) + test::input("x") + test::output("y");
    expect_within(
        error_of(ErrorKind::limit, [&] { return parse(with_functions(graph, functions)); }),
        "grow beyond all measure");
}

}  // namespace
}  // namespace whence
