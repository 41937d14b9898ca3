// Files that are broken, or that want to break the reader: each is refused with one line that says why.

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "graph/protobuf.h"
#include "whence/core/error.h"
#include "whence/graph/body.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/io.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

using namespace test;

std::string error_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        const std::string message = error.what();
        EXPECT_EQ(message.find('\n'), std::string::npos) << "errors are one line";
        return std::string(whence::name(error.kind())) + ": " + message;
    }
    return "no error";
}

Graph parse(const std::string& bytes, const std::filesystem::path& folder = "/nonexistent") {
    return parse_model(std::as_bytes(std::span(bytes)), folder);
}
std::string refusal(const std::string& bytes, const std::filesystem::path& folder = "/nonexistent") {
    return error_of([&] { return void(parse(bytes, folder)); });
}

const std::string relu = input("x") + output("y") + node("Relu", {"x"}, {"y"}, "relu1");

TEST(HostileModel, RightOneIsRead) {
    const Graph graph = parse(model(relu));
    ASSERT_EQ(graph.nodes.size(), 1u);
    EXPECT_EQ(graph.inputs[0].lengths(), (Shape{-1, 2}));
    EXPECT_EQ(graph.inputs[0].shape->at(0).symbol, "N");
    EXPECT_EQ(graph.opset(), 18);
}

TEST(HostileModel, WrittenAndReadAgain) {
    const Graph graph = parse(model(relu + constant("w", {2}, raw(std::string(8, '\1')))));
    const std::string once = serialize(graph);
    EXPECT_EQ(serialize(parse(once)), once);
}

TEST(HostileModel, NodesInAnyOrderAreSorted) {
    const Graph graph = parse(model(input("x") + output("y") + node("Exp", {"h"}, {"y"}) + node("Relu", {"x"}, {"h"})));
    EXPECT_EQ(graph.nodes[0].op, "Relu");
}

TEST(HostileModel, EmptyAndTruncated) {
    EXPECT_EQ(refusal(""), "model: the file is empty");
    const std::string whole = model(relu);
    for (size_t size = 1; size < whole.size(); ++size) EXPECT_NE(refusal(whole.substr(0, size)), "no error") << size;
    EXPECT_EQ(refusal(whole.substr(0, whole.size() - 1)), "model: the file is no ONNX model, or it is truncated");
    EXPECT_EQ(refusal("GIF89a, not a model"), "model: the file is no ONNX model, or it is truncated");
}

TEST(HostileModel, WithoutPartsItNeeds) {
    EXPECT_EQ(refusal(number(1, 8) + text(8, number(2, 18))), "model: the file has no graph: it is no ONNX model");
    EXPECT_EQ(refusal(number(1, 8) + text(7, relu)), "model: the file names no operator set: it is no ONNX model");
    EXPECT_EQ(refusal(model(input("x") + node("Relu", {"x"}, {"y"}))), "model: the model has no outputs");
}

TEST(HostileModel, Cycle) {
    EXPECT_EQ(refusal(model(input("x") + output("y") + node("Add", {"x", "b"}, {"a"}, "first") + node("Exp", {"a"}, {"b"}) +
                            node("Exp", {"b"}, {"y"}))),
              "model: Add node 'first' (output 'a') can never run: an input is undefined or depends on it");
}

TEST(HostileModel, Names) {
    EXPECT_EQ(refusal(model(input("x") + output("y") + node("Relu", {"z"}, {"y"}))),
              "model: Relu node '' (output 'y') can never run: an input is undefined or depends on it");
    EXPECT_EQ(refusal(model(relu + node("Exp", {"x"}, {"y"}))), "model: Exp node '' (output 'y') defines 'y' a second time");
    EXPECT_EQ(refusal(model(input("x") + relu)), "model: two inputs or constants of the model have the same name");
    EXPECT_EQ(refusal(model(input("") + relu)), "model: an input of the model has no name");
    EXPECT_EQ(refusal(model(input("x") + output("other") + node("Relu", {"x"}, {"y"}))),
              "model: output 'other' is not defined by any node");
    const std::string w = constant("w", {1}, raw("abcd"));
    EXPECT_EQ(refusal(model(relu + w + w)), "model: constant 'w' is defined twice");
    EXPECT_EQ(refusal(model(relu + constant("", {1}, raw("abcd")))), "model: a constant has no name");
    // What is printed of a name is harmless.
    EXPECT_EQ(refusal(model(input("x") + output("y") + node("Relu", {"\x1b[2J\n"}, {"y"}, "\x07"))).find('\x1b'), std::string::npos);
}

TEST(HostileModel, ConstantsThatDoNotFitTheirShape) {
    const auto refused = [](const std::vector<int64_t>& shape, const std::string& data) {
        return refusal(model(relu + constant("w", shape, data)));
    };
    EXPECT_EQ(refused({2}, raw("abcd")), "model: constant 'w': 4 bytes of data, shape [2] needs 8");
    EXPECT_EQ(refused({3}, text(4, "abcdabcd")), "model: constant 'w': 2 values for shape [3]");
    EXPECT_EQ(refused({-1}, raw("abcd")), "model: constant 'w': a negative length");
    // Refused before anything of that size is allocated.
    EXPECT_EQ(refused({1 << 30, 1 << 10}, raw("abcd")),
              "model: constant 'w': shape [1073741824, 1024] but only 4 bytes of data");
    EXPECT_NE(refused({int64_t{1} << 40, int64_t{1} << 40}, raw("abcd")), "no error");
    EXPECT_NE(refused({0, int64_t{1} << 40, int64_t{1} << 40}, raw("")), "");
}

// y = If(c) of two branches.
std::string branches(const std::string& then_branch, const std::string& else_branch) {
    return model(input("c") + input("x") + output("y") +
                 holding("If", {"c"}, {"y"}, {{"then_branch", then_branch}, {"else_branch", else_branch}}, "fork"));
}
const std::string plain_branch = output("a") + node("Relu", {"x"}, {"a"});

TEST(HostileModel, BodiesAreReadAndWritten) {
    const Graph graph = parse(branches(plain_branch, output("b") + node("Exp", {"t"}, {"b"}) + node("Neg", {"x"}, {"t"})));
    EXPECT_EQ(graph.nodes[0].captures, std::vector<std::string>{"x"});
    EXPECT_EQ(body_of(graph.nodes[0], "else_branch").nodes[0].op, "Neg");  // sorted
    EXPECT_EQ(serialize(parse(serialize(graph))), serialize(graph));
}

TEST(HostileModel, BodiesThatAreBroken) {
    EXPECT_EQ(refusal(branches(plain_branch, output("b") + node("Exp", {"nobody"}, {"b"}))),
              "model: If node 'fork' (output 'y') can never run: an input is undefined or depends on it");
    EXPECT_EQ(refusal(branches(plain_branch, output("b") + node("Add", {"x", "d"}, {"b"}, "sum") + node("Exp", {"b"}, {"d"}))),
              "model: Add node 'sum' (output 'b') can never run: an input is undefined or depends on it");
    EXPECT_EQ(refusal(branches(plain_branch, output("b") + node("Exp", {"y"}, {"b"}))),
              "model: If node 'fork' (output 'y') can never run: an input is undefined or depends on it");
    EXPECT_NE(refusal(branches(plain_branch, plain_branch + constant("w", {2}, raw("abcd")))), "no error");
}

TEST(HostileModel, BodiesInsideBodies) {
    const auto nested = [](int depth) {
        std::string branch = plain_branch;
        for (int i = 0; i < depth; ++i)
            branch = output("a") + holding("If", {"c"}, {"a"}, {{"then_branch", branch}, {"else_branch", plain_branch}});
        return branches(branch, plain_branch);
    };
    Graph graph = parse(nested(20));
    EXPECT_EQ(graph.nodes[0].captures, (std::vector<std::string>{"c", "x"}));
    fold_constants(graph);
    EXPECT_FALSE(unroll(graph));
    EXPECT_NE(add_gradients(graph, "y", "x", {"x"}), std::vector<std::string>{""});
    EXPECT_NE(refusal(nested(1000)), "no error");
}

TEST(HostileModel, BodiesThatDoNotFitTheirNode) {
    const std::string step = input("i") + input("go") + input("s") + output("go") + output("t") + node("Relu", {"s"}, {"t"});
    const auto gradient_of = [](const std::string& holder) {
        return error_of([&] {
            Graph graph = parse(model(input("n") + input("c") + input("x") + output("y") + holder));
            unroll(graph);
            static_cast<void>(add_gradients(graph, "y", "x", {"x"}));
        });
    };
    EXPECT_EQ(gradient_of(holding("Loop", {"n", "c", "x"}, {"y"}, {{"body", step}})), "no error");
    using Names = std::vector<std::string>;
    for (const char* op : {"Loop", "Scan", "If"})
        for (const Names& inputs : {Names{}, Names{"n"}, Names{"n", "c", "x", "x"}, Names{"x", "", "x"}})
            for (const Names& outputs : {Names{"y"}, Names{"y", "z", "w", "v"}})
                for (const std::string& body : {step, std::string(), output("t") + node("Relu", {"x"}, {"t"})})
                    for (const char* key : {"body", "then_branch"})
                        EXPECT_EQ(gradient_of(holding(op, inputs, outputs, {{key, body}})).find("internal"), std::string::npos);
}

class ExternalData : public testing::Test {
 protected:
    void SetUp() override {
        std::filesystem::create_directories(folder_ / "model");
        std::ofstream(folder_ / "secret.bin") << "abcdefgh";
        std::ofstream(folder_ / "model/weights.bin") << "abcdefgh";
        std::filesystem::remove(folder_ / "model/link.bin");
        std::filesystem::create_symlink("../secret.bin", folder_ / "model/link.bin");
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string refused(const std::string& location, int64_t length = 2) {
        return refusal(model(relu + constant("w", {length}, external(location))), folder_ / "model");
    }

    const std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) / (std::string("whence_") + testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(ExternalData, InsideTheFolderAreRead) {
    const Graph graph = parse(model(relu + constant("w", {2}, external("weights.bin"))), folder_ / "model");
    EXPECT_EQ(std::memcmp(graph.constant("w")->data(), "abcdefgh", 8), 0);
}

TEST_F(ExternalData, OutsideTheFolderAreRefused) {
    const auto outside = [](const std::string& location) {
        return "model: constant 'w': external data '" + location + "' lie outside the model's folder";
    };
    EXPECT_EQ(refused("../secret.bin"), outside("../secret.bin"));
    EXPECT_EQ(refused("a/../../secret.bin"), outside("a/../../secret.bin"));
    EXPECT_EQ(refused("link.bin"), outside("link.bin"));
    EXPECT_EQ(refused(""), outside(""));
    EXPECT_NE(refused((folder_ / "secret.bin").string()).find("lie outside the model's folder"), std::string::npos);
    EXPECT_NE(refused((folder_ / "model/weights.bin").string()).find("lie outside the model's folder"), std::string::npos);
}

// float8: carried through unread, and ONNX Runtime must not be sent for its file.
TEST_F(ExternalData, OfATypeThatIsNotReadAreRefused) {
    const std::string exotic = text(5, number(1, 2) + number(2, 17) + text(8, "w") + external("weights.bin"));
    EXPECT_EQ(refusal(model(relu + exotic), folder_ / "model"), "model: constant 'w': external data of a type that is not read");
}

TEST_F(ExternalData, MissingOrShort) {
    EXPECT_EQ(refused("none.bin"), "model: constant 'w': cannot read external data 'none.bin'");
    EXPECT_EQ(refused("weights.bin", 3), "model: constant 'w': external data 'weights.bin' are too short");
    EXPECT_EQ(refused("weights.bin", int64_t{1} << 34), "model: constant 'w': external data 'weights.bin' are too short");
}

TEST(Gradient, MissingRuleNamesOperatorNodeAndOutput) {
    Graph graph = parse(model(input("x") + output("y") + node("Relu", {"x"}, {"h"}) + node("Det", {"h"}, {"y"}, "det7")));
    EXPECT_EQ(error_of([&] { return void(add_gradients(graph, "y", "x", {"x"})); }),
              "unsupported: no gradient rule for Det node 'det7' (output 'y')");
    bool connected = false;
    EXPECT_EQ(missing_rules(graph, "x", "y", connected), std::vector<std::string>{"Det"});
    EXPECT_TRUE(connected);
}

TEST(Gradient, AbsentIsNotZero) {
    Graph graph = parse(model(input("x") + input("z") + output("y") + node("Shape", {"x"}, {"s"}) + node("Reshape", {"z", "s"}, {"y"})));
    graph.values["s"] = {.name = "s", .type = ElementType::int64};
    graph.values["y"] = *graph.find_input("z");
    EXPECT_EQ(add_gradients(graph, "y", "z", {"x"}), std::vector<std::string>{""});
    EXPECT_NE(add_gradients(graph, "y", "z", {"z"}), std::vector<std::string>{""});
}

}  // namespace
}  // namespace whence::graph
