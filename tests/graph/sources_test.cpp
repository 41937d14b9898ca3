// Which columns each number of a tensor is computed from: operators one by one, on graphs written
// by hand (files that exporters wrote: recipe_held_trees_test.cpp).

#include "whence/graph/sources.h"

#include <gtest/gtest.h>

#include <numeric>

namespace whence::graph {
namespace {

using Columns = std::vector<std::vector<int64_t>>;

Constant whole(const std::vector<int64_t>& values) {
    return std::make_shared<const Tensor>(
        Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values));
}

/// A graph of one matrix "x" that only lists its nodes.
class Sketch {
  public:
    explicit Sketch(std::vector<std::string> inputs = {"x"}) {
        for (std::string& name : inputs)
            graph_.inputs.push_back({.name = std::move(name), .type = ElementType::float32});
    }
    Sketch& constant(const std::string& name, Constant value) {
        graph_.initializers[name] = std::move(value);
        return *this;
    }
    Sketch& constant(const std::string& name, Shape shape) {
        return constant(
            name, std::make_shared<const Tensor>(Tensor(ElementType::float32, std::move(shape))));
    }
    Sketch& node(std::string op, std::vector<std::string> inputs, std::vector<std::string> outputs,
                 std::map<std::string, Attribute> attributes = {}) {
        const size_t dot = op.find('.');
        const bool ml = dot != std::string::npos;
        graph_.nodes.push_back({.op = ml ? op.substr(dot + 1) : std::move(op),
                                .domain = ml ? "ai.onnx.ml" : "",
                                .inputs = std::move(inputs),
                                .outputs = std::move(outputs),
                                .attributes = std::move(attributes)});
        return *this;
    }
    [[nodiscard]] Columns columns(const std::string& tensor, int64_t columns = 3) const {
        Columns out;
        for (const Sources& one : sources_of(graph_, tensor, columns)) out.push_back(one.columns);
        return out;
    }
    [[nodiscard]] std::string mixed_by(const std::string& tensor) const {
        const std::vector<Sources> all = sources_of(graph_, tensor, 3);
        return all.at(0).mixed_by ? all[0].mixed_by->op : "";
    }

  private:
    Graph graph_;
};

const Columns apart = {{0}, {1}, {2}};
const std::vector<int64_t> all = {0, 1, 2};

TEST(Sources, OfWhatTreatsColumnsAlone) {
    Sketch graph;
    graph.constant("one", Shape{1}).constant("three", Shape{3}).constant("row", Shape{1, 3});
    graph.node("ml.Scaler", {"x"}, {"a"})
        .node("Mul", {"a", "three"}, {"b"})
        .node("Sub", {"row", "b"}, {"c"});
    graph.node("Add", {"c", "one"}, {"d"}).node("Add", {"d", "x"}, {"e"});
    EXPECT_EQ(graph.columns("e"), apart);
    EXPECT_EQ(graph.columns("x"), apart);
    EXPECT_TRUE(graph.columns("nothing").empty());
}

TEST(Sources, OfBroadcasts) {
    Sketch graph({"p", "q"});
    graph.constant("three", Shape{3}).constant("column", Shape{3, 1});
    graph.node("Greater", {"p", "three"}, {"a"}).node("Add", {"a", "q"}, {"b"});
    EXPECT_EQ(graph.columns("a", 2), (Columns{{0}, {0}, {0}}));
    EXPECT_EQ(graph.columns("b", 2), (Columns{{0, 1}, {0, 1}, {0, 1}}));
    // A constant that is no row may widen what it meets: everything may be everywhere.
    graph.node("Add", {"b", "column"}, {"c"});
    EXPECT_EQ(graph.columns("c", 2), (Columns{{0, 1}}));
}

TEST(Sources, OfWhatChoosesAndJoins) {
    Sketch graph;
    graph.constant("two", whole({2, 0}))
        .constant("last", whole({-1}))
        .constant("lengths", whole({1, 2}));
    graph.node("ml.ArrayFeatureExtractor", {"x", "two"}, {"a"});
    graph.node("Gather", {"x", "last"}, {"b"}, {{"axis", int64_t{1}}});
    graph.node("Concat", {"a", "b", "x"}, {"c"}, {{"axis", int64_t{-1}}});
    graph.node("ml.FeatureVectorizer", {"b", "a"}, {"d"});
    graph.node("Split", {"x", "lengths"}, {"e", "f"}, {{"axis", int64_t{1}}});
    EXPECT_EQ(graph.columns("c"), (Columns{{2}, {0}, {2}, {0}, {1}, {2}}));
    EXPECT_EQ(graph.columns("d"), (Columns{{2}, {2}, {0}}));
    EXPECT_EQ(graph.columns("e"), (Columns{{0}}));
    EXPECT_EQ(graph.columns("f"), (Columns{{1}, {2}}));
}

TEST(Sources, OfOneHotBlocks) {
    Sketch graph;
    graph.constant("rows", whole({-1, 6}))
        .constant("kept", whole({0, -1}))
        .constant("merged", whole({1, -1}));
    graph.node("ml.OneHotEncoder", {"x"}, {"a"}, {{"cats_int64s", std::vector<int64_t>{5, 7}}});
    graph.node("Reshape", {"a", "rows"}, {"b"}).node("Reshape", {"a", "kept"}, {"c"});
    graph.node("Concat", {"a", "a"}, {"d"}, {{"axis", int64_t{2}}});
    graph.node("Reshape", {"x", "merged"}, {"e"});
    const Columns blocks = {{0}, {0}, {1}, {1}, {2}, {2}};
    EXPECT_EQ(graph.columns("b"), blocks);
    EXPECT_EQ(graph.columns("c"), blocks);
    EXPECT_EQ(graph.columns("d"),
              (Columns{{0}, {0}, {0}, {0}, {1}, {1}, {1}, {1}, {2}, {2}, {2}, {2}}));
    EXPECT_EQ(graph.columns("e"), (Columns{all})) << "rows that run into each other are none";
}

TEST(Sources, OfWhatMixesAndWhatNobodyKnows) {
    Sketch graph;
    graph.constant("weights", Shape{3, 2}).constant("last", whole({2}));
    graph.node("Cast", {"x"}, {"a"})
        .node("MatMul", {"a", "weights"}, {"b"})
        .node("Sqrt", {"b"}, {"c"});
    graph.node("Gather", {"x", "last"}, {"d"}, {{"axis", int64_t{1}}})
        .node("own.Mystery", {"d"}, {"e"});
    EXPECT_EQ(graph.columns("c"), (Columns{all}));
    EXPECT_EQ(graph.mixed_by("c"), "MatMul");
    EXPECT_EQ(graph.columns("e"), (Columns{{2}})) << "of one column, whatever it does";
    EXPECT_EQ(graph.mixed_by("e"), "");
}

// A shape says how many rows there are, not what is in them.
TEST(Sources, OfShapes) {
    Sketch graph;
    graph.constant("last", whole({2}));
    graph.node("Shape", {"x"}, {"a"}).node("Gather", {"x", "last"}, {"b"}, {{"axis", int64_t{1}}});
    graph.node("Expand", {"b", "a"}, {"c"});
    EXPECT_EQ(graph.columns("c"), (Columns{{2}}));
}

}  // namespace
}  // namespace whence::graph
