// Ensembles out of ONNX nodes against what ONNX Runtime makes of the same nodes (trees/*.onnx, made
// by make_onnx_trees.py, and files of others where they are there).

#include "whence/recipe/onnx_trees.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "../message_of.h"
#include "whence/core/rng.h"
#include "whence/graph/io.h"
#include "whence/runtime/onnx_model.h"
#include "whence/trees/ensemble_model.h"

namespace whence::recipe {
namespace {

const std::filesystem::path own = WHENCE_SOURCE_DIR "/tests/recipe/trees";
const std::filesystem::path shared = WHENCE_SHARED_DIR "/data/trees/onnx";

trees::EnsembleModel ensemble_in(const graph::Graph& graph) {
    const graph::Node* node = tree_node(graph);
    if (!node) throw std::runtime_error("no tree node");
    return trees::EnsembleModel(ensemble_of(graph, *node));
}

// Whole numbers (also those asked for by ==), fractions, and missing ones.
Tensor rows(int64_t features, ElementType type) {
    Tensor out(ElementType::float64, {64, features});
    const std::span<double> values = out.as<double>();
    for (size_t i = 0; i < values.size(); ++i) {
        const double u = static_cast<double>(i * 37 % 101) / 101;
        values[i] = i % 9 == 4   ? std::numeric_limits<double>::quiet_NaN()
                    : i % 3 == 0 ? std::floor(u * 8) - 2
                                 : u * 6 - 3;
    }
    return out.cast(type);
}

void expect_the_same(const std::filesystem::path& path, const std::string& output,
                     bool missing = true) {
    SCOPED_TRACE(path.string());
    const OnnxModel onnx = OnnxModel::load(path);
    const trees::EnsembleModel ours = ensemble_in(graph::read_model(path));
    Tensor x = rows(ours.ensemble().features(), onnx.inputs()[0].type);
    if (!missing)
        for (float& value : x.as<float>()) value = std::isnan(value) ? 0.25F : value;
    const Tensor theirs =
        onnx.predict(Batch({{onnx.inputs()[0].name, x}}), {}).at(output).cast(ElementType::float64);
    const Tensor answer = ours.predict(Batch({{"features", x}}), {})[0].value;
    ASSERT_EQ(answer.rows(), theirs.rows());
    // Of two classes told by one score that is no logit, ours is the second.
    const int64_t skipped = theirs.row_size() - answer.row_size();
    ASSERT_TRUE(skipped == 0 || skipped == 1);
    bool differs = false;
    for (int64_t row = 0; row < answer.rows(); ++row)
        for (int64_t k = 0; k < answer.row_size(); ++k) {
            const double got = answer.as<double>()[row * answer.row_size() + k];
            ASSERT_NEAR(got, theirs.as<double>()[row * theirs.row_size() + skipped + k],
                        2e-6 * (1 + std::abs(got)))
                << "row " << row;
            differs = differs || got != answer.as<double>()[k];
        }
    EXPECT_TRUE(differs) << "rows that all get the same answer test nothing";
}

TEST(OnnxTrees, ScikitLearnsExportsSayWhatOnnxRuntimeSays) {
    for (const char* name :
         {"forest_two", "forest_three", "boosting_two", "boosting_three", "tree", "hist_two",
          "hist_three"})
        expect_the_same(own / (std::string(name) + ".onnx"), "probabilities");
    for (const char* name : {"boosting", "extra_trees", "hist"})
        expect_the_same(own / (std::string(name) + ".onnx"), "variable");
}

TEST(OnnxTrees, EveryModeWithMissingValuesBothWays) {
    for (const char* name : {"modes_0", "modes_1", "rooted"})
        expect_the_same(own / (std::string(name) + ".onnx"), "y");
}

TEST(OnnxTrees, FilesOfOthers) {
    if (!std::filesystem::exists(shared)) GTEST_SKIP() << shared << " is not there";
    for (const char* name :
         {"treecl.onnx", "treecl2.onnx", "treecl3.onnx", "xgboost_classifier_tree.model.onnx"}) {
        const OnnxModel onnx = OnnxModel::load(shared / name);
        expect_the_same(shared / name, onnx.outputs().back().name);
    }
    for (const char* name : {"onnxmltools_test_xgb.onnx", "xgboost_regressor_tree.model.onnx"}) {
        const OnnxModel onnx = OnnxModel::load(shared / name);
        expect_the_same(shared / name, onnx.outputs().back().name);
    }
}

TEST(OnnxTrees, KeepClassesWidthsAndTypes) {
    const auto parts = [](const char* name) {
        return ensemble_in(graph::read_model(own / name)).ensemble().parts();
    };
    EXPECT_EQ(parts("boosting_three.onnx").output_names, (std::vector<std::string>{"0", "1", "2"}));
    EXPECT_EQ(parts("boosting_three.onnx").trees[0].width, 1);
    EXPECT_EQ(parts("forest_three.onnx").trees[0].width, 3);
    EXPECT_EQ(parts("boosting_two.onnx").outputs, 1);
    EXPECT_EQ(parts("boosting_two.onnx").link, trees::Link::logistic);
    EXPECT_TRUE(parts("boosting.onnx").float_inputs);
    EXPECT_FALSE(parts("rooted.onnx").float_inputs);
    EXPECT_FALSE(parts("boosting.onnx").has_covers) << "hit rates of 1 everywhere are none";
}

TEST(OnnxTrees, NodesMayShareLeavesButNotNodes) {
    graph::Graph graph = graph::read_model(own / "rooted.onnx");
    graph::Node& node = graph.nodes[0];
    node.attributes["nodes_falsenodeids"] = std::vector<int64_t>{0, 0, 3};  // leaf 0 twice
    EXPECT_EQ(ensemble_of(graph, node).trees()[0].nodes.size(), 5U);
    node.attributes["nodes_trueleafs"] = std::vector<int64_t>{0, 0, 1};  // node 1 leads to node 0
    const std::string said =
        message_of(ErrorKind::model, [&] { static_cast<void>(ensemble_of(graph, node)); });
    EXPECT_NE(said.find("tree 0, node 1: child 0 is reached on another way already"),
              std::string::npos)
        << said;
}

TEST(OnnxTrees, BrokenNodesAreRefused) {
    graph::Graph graph = graph::read_model(own / "modes_0.onnx");
    const auto refusal = [&](ErrorKind kind, const std::string& key, graph::Attribute value) {
        graph::Graph changed = graph;
        changed.nodes[0].attributes[key] = std::move(value);
        return message_of(kind, [&] { static_cast<void>(ensemble_of(changed, changed.nodes[0])); });
    };
    const auto integers = [&](const std::string& key) { return graph.nodes[0].integers(key); };
    const auto says = [](const std::string& said, const std::string& part) {
        EXPECT_NE(said.find(part), std::string::npos) << said;
    };
    std::vector<int64_t> changed = integers("nodes_falsenodeids");
    changed[0] = 0;
    says(refusal(ErrorKind::model, "nodes_falsenodeids", changed),
         "tree 0, node 0: child 0 is reached on another way already");
    changed[0] = 99;
    says(refusal(ErrorKind::model, "nodes_falsenodeids", changed),
         "tree 0: node 99 does not exist");
    changed.pop_back();
    says(refusal(ErrorKind::model, "nodes_falsenodeids", changed),
         "13 numbers where there should be 14");
    changed = integers("nodes_featureids");
    changed[0] = -1;
    says(refusal(ErrorKind::model, "nodes_featureids", changed), "feature -1 does not exist");
    changed = integers("target_ids");
    changed[0] = 5;
    says(refusal(ErrorKind::model, "target_ids", changed),
         "a leaf adds to an output that is none of 2");
    says(refusal(ErrorKind::unsupported, "aggregate_function", std::string("MAX")),
         "aggregates trees by MAX");
    says(refusal(ErrorKind::unsupported, "post_transform", std::string("PROBIT")), "PROBIT");
    says(refusal(ErrorKind::model, "n_targets", int64_t{1} << 40), "targets");
}

}  // namespace
}  // namespace whence::recipe
