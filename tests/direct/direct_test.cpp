// Answers put together against the model asked for every row that the masker writes.

#include "whence/direct/direct.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/models.h"
#include "whence/core/evaluator.h"
#include "whence/mask/masked_game.h"

namespace whence {
namespace {

using graph::Builder;
using graph::Graph;
using testing::empty_graph;
using testing::random_tensor;
using testing::value_info;

constexpr int64_t columns = 9, fillings = 19;

struct Question {
    Tensor input = random_tensor({1, columns}, 11),
           background = random_tensor({fillings, columns}, 12);
    std::vector<int32_t> labels = column_labels(columns);
    std::vector<double> weights;
    [[nodiscard]] LabelMasker masker() const {
        return {"x", input, background, labels, {}, weights};
    }
};

std::vector<uint8_t> some_coalitions(int64_t count, int64_t players) {
    std::vector<uint8_t> out(count * players);
    Rng rng(5, 0, 0);
    for (uint8_t& there : out) there = rng.uniform() < 0.5;
    std::fill_n(out.begin(), players, uint8_t{0});
    std::fill_n(out.begin() + players, players, uint8_t{1});
    return out;
}

// [fillings][coalitions][classes], every row written and asked.
std::vector<float> asked(const OnnxModel& model, const std::string& output,
                         const LabelMasker& masker, MatrixView<const uint8_t> present) {
    Batch rows(Tensor(ElementType::float32, {present.rows * masker.fillings(), columns}));
    masker.apply(present, 0, rows, {});
    const Tensor answers = model.predict(rows, {}).at(output).cast(ElementType::float32);
    const int64_t classes = answers.row_size();
    std::vector<float> out(answers.size());
    for (int64_t c = 0; c < present.rows; ++c)
        for (int64_t way = 0; way < masker.fillings(); ++way)
            std::copy_n(answers.as<float>().data() + (c * masker.fillings() + way) * classes,
                        classes, out.data() + (way * present.rows + c) * classes);
    return out;
}

void expect_equal_answers(const Graph& graph, const std::string& output,
                          const Question& question = {}, float tolerance = 3e-6f) {
    const OnnxModel model = testing::load(graph);
    const auto scorer = direct::read(model.graph());
    ASSERT_TRUE(scorer);
    const LabelMasker masker = question.masker();
    const auto scores = scorer->over(masker, output);
    ASSERT_TRUE(scores);
    for (const int64_t count : {2, 64, 700}) {
        const std::vector<uint8_t> present = some_coalitions(count, masker.players());
        const MatrixView<const uint8_t> view{present.data(), count, masker.players()};
        const std::vector<float> slow = asked(model, output, masker, view);
        std::vector<float> fast(slow.size());
        ASSERT_EQ(static_cast<int64_t>(slow.size()), count * masker.fillings() * scores->classes());
        // In pieces, of which the last is small.
        for (int64_t first = 0; first < masker.fillings(); first += 8) {
            const int64_t ways = std::min<int64_t>(8, masker.fillings() - first),
                          one = count * scores->classes();
            scores->scores(view, first, ways, std::span(fast).subspan(first * one, ways * one));
        }
        float largest = 0;
        for (const float value : slow) largest = std::max(largest, std::abs(value));
        for (size_t i = 0; i < slow.size(); ++i)
            ASSERT_NEAR(fast[i], slow[i], tolerance * largest) << i;
    }
}

Graph input_graph(ElementType type = ElementType::float32) {
    return empty_graph({value_info("x", type, {-1, columns})});
}
Graph ending_in(Graph graph, const std::string& tensor, int64_t classes,
                ElementType type = ElementType::float32) {
    testing::add_output(graph, tensor, "y", value_info("y", type, {-1, classes}));
    return graph;
}

std::string layer(Builder& b, const std::string& from, int64_t in, int64_t out, uint64_t seed) {
    return b.add(b.node("MatMul", {from, b.constant(random_tensor({in, out}, seed))}),
                 b.constant(random_tensor({out}, seed + 1)));
}

Graph network(const std::string& function, const std::string& last, int64_t width,
              int64_t classes) {
    Graph graph = input_graph();
    Builder b(graph);
    std::string at = b.node(function, {layer(b, "x", columns, width, 1)});
    at = layer(b, at, width, classes, 5);
    if (!last.empty()) at = b.node(last, {at});
    return ending_in(graph, at, classes);
}

TEST(Direct, DenseNetworks) {
    for (const char* function : {"Relu", "Tanh", "Sigmoid"})
        for (const int64_t width : {1, 16, 37})
            for (const int64_t classes : {1, 3, 7})
                for (const char* last : {"", "Sigmoid", "Softmax"}) {
                    SCOPED_TRACE(std::string(function) + " " + last + " " + std::to_string(width) +
                                 " " + std::to_string(classes));
                    expect_equal_answers(network(function, last, width, classes), "y");
                }
}

// Pictures [rows, 3, 3, 1] that are flattened first; without that the layers would read them otherwise.
TEST(Direct, FlattenedPictures) {
    const Shape shape{-1, 3, 3, 1};
    for (const bool flattened : {true, false}) {
        Graph graph = empty_graph({value_info("x", ElementType::float32, shape)});
        Builder b(graph);
        std::string at = flattened ? b.node("Flatten", {"x"}) : b.node("Reshape", {"x", b.constant(Tensor::of<int64_t>({2}, {-1, columns}))});
        at = layer(b, b.node("Relu", {layer(b, at, columns, 7, 1)}), 7, 3, 5);
        const OnnxModel model = testing::load(ending_in(graph, at, 3));
        const auto scorer = direct::read(model.graph());
        ASSERT_EQ(scorer != nullptr, flattened);
        if (!scorer) continue;
        const Question question;
        const LabelMasker rows = question.masker(),
                          pictures("x", question.input.reshaped({1, 3, 3, 1}),
                                   question.background.reshaped({fillings, 3, 3, 1}), question.labels);
        EXPECT_FALSE(scorer->over(rows, "y")) << "rows are no pictures";
        const auto scores = scorer->over(pictures, "y");
        ASSERT_TRUE(scores);
        const std::vector<uint8_t> present = some_coalitions(40, columns);
        std::vector<float> fast(40 * fillings * 3);
        scores->scores({present.data(), 40, columns}, 0, fillings, fast);
        Batch asked(Tensor(ElementType::float32, {40 * fillings, 3, 3, 1}));
        pictures.apply({present.data(), 40, columns}, 0, asked, {});
        const Tensor slow = model.predict(asked, {}).at("y");
        for (int64_t c = 0; c < 40; ++c)
            for (int64_t way = 0; way < fillings; ++way)
                for (int64_t k = 0; k < 3; ++k)
                    EXPECT_NEAR(fast[(way * 40 + c) * 3 + k], slow.as<float>()[(c * fillings + way) * 3 + k], 1e-5);
    }
}

TEST(Direct, LinearModels) {
    for (const char* last : {"Identity", "Sigmoid", "Tanh", "Relu"}) {
        Graph graph = input_graph();
        Builder b(graph);
        const std::string y = b.node(last, {layer(b, "x", columns, 1, 3)});
        expect_equal_answers(ending_in(graph, y, 1), "y");
    }
}

// Sums that products of exponentials cannot hold: of all fillings, and of some.
TEST(Direct, SaturatedNetworks) {
    for (const char* function : {"Tanh", "Sigmoid"})
        for (const float scale : {3.0f, 6.0f, 100.0f, 1e6f}) {
            SCOPED_TRACE(std::string(function) + " " + std::to_string(scale));
            Graph graph = input_graph();
            Builder b(graph);
            std::string at = layer(b, "x", columns, 21, 1);
            at = b.mul(at, b.constant(Tensor::of<float>({1}, {scale})));
            // Whole numbers, so that rounding of large sums is not what is compared.
            Question question;
            for (Tensor* rows : {&question.input, &question.background})
                for (float& value : rows->as<float>()) value = std::round(2 * value);
            at = layer(b, b.node(function, {at}), 21, 2, 5);
            expect_equal_answers(ending_in(graph, at, 2), "y", question,
                                 scale < 50 ? 3e-6f : 1e-3f);
        }
}

TEST(Direct, ScalesShiftsAndTurnedWeights) {
    Graph graph = input_graph();
    Builder b(graph);
    // Means that are large against the spread, as of years.
    Tensor mean(ElementType::float32, {1, columns}), deviation(ElementType::float32, {columns});
    Question question;
    for (int64_t c = 0; c < columns; ++c) {
        mean.as<float>()[c] = 100.0f * static_cast<float>(c);
        deviation.as<float>()[c] = 0.5f + static_cast<float>(c);
    }
    for (Tensor* rows : {&question.input, &question.background})
        for (int64_t i = 0; i < rows->size(); ++i)
            rows->as<float>()[i] =
                std::round(rows->as<float>()[i] * 8) + mean.as<float>()[i % columns];
    const std::string scaled = b.div(b.sub("x", b.constant(mean)), b.constant(deviation));
    std::string at = b.node(
        "Gemm",
        {scaled, b.constant(random_tensor({20, columns}, 2)), b.constant(random_tensor({20}, 3))},
        {{"transB", int64_t{1}}, {"alpha", 0.5f}, {"beta", 2.0f}});
    at = b.node("Relu", {b.mul(at, b.constant(random_tensor({20}, 4)))});
    at = b.sub(b.constant(random_tensor({1, 6}, 5)), layer(b, at, 20, 6, 6));
    expect_equal_answers(ending_in(graph, at, 6), "y", question);
}

TEST(Direct, GroupsFixedColumnsAndOneFilling) {
    Question question;
    question.labels = {0, 1, 1, -1, 0, 2, 3, -1, 1};
    expect_equal_answers(network("Tanh", "Softmax", 24, 5), "y", question);
    question.background = random_tensor({1, columns}, 8);
    expect_equal_answers(network("Tanh", "", 24, 1), "y", question);
    question.labels.assign(columns, 0);
    expect_equal_answers(network("Relu", "", 24, 2), "y", question);
}

struct TreeOptions {
    bool classifier = false;
    int64_t targets = 1, classes = 1;
    std::string post = "NONE", aggregate = "SUM";
    bool positive = false;
    int64_t only_class = 0;  // of a classifier with one target
};

// Trees whose shape and conditions are drawn; thresholds stand on values of the data here and
// there, where a wrong comparison shows.
Graph forest(const TreeOptions& options, const Question& question) {
    const std::vector<std::string> modes{"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                         "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
    std::vector<int64_t> trees, ids, features, yes, no, leaf_trees, leaf_ids, targets;
    std::vector<float> values, weights, base;
    std::vector<std::string> kinds;
    Rng rng(3, 1, 4);
    for (int64_t tree = 0; tree < 12; ++tree) {
        int64_t next = 1;
        std::vector<int64_t> open{0};
        while (!open.empty()) {
            const int64_t id = open.back();
            open.pop_back();
            const bool leaf = next > 24 || (id > 2 && rng.uniform() < 0.3);
            const int64_t feature = static_cast<int64_t>(rng.below(columns));
            trees.push_back(tree);
            ids.push_back(id);
            features.push_back(leaf ? 0 : feature);
            kinds.push_back(leaf ? "LEAF"
                                 : modes[rng.uniform() < 0.6 ? 0 : rng.below(modes.size())]);
            const Tensor& from = rng.uniform() < 0.3 ? question.input : question.background;
            const float on = from.as<float>()[rng.below(from.rows()) * columns + feature];
            values.push_back(leaf                  ? 0
                             : rng.uniform() < 0.5 ? on
                                                   : static_cast<float>(rng.normal() / 2));
            yes.push_back(leaf ? 0 : next);
            no.push_back(leaf ? 0 : next + 1);
            if (!leaf) {
                open.push_back(next);
                open.push_back(next + 1);
                next += 2;
                continue;
            }
            for (int64_t t = 0; t < options.targets; ++t) {
                leaf_trees.push_back(tree);
                leaf_ids.push_back(id);
                targets.push_back(options.targets == 1 ? options.only_class : t);
                const double w = rng.normal() / 12;
                weights.push_back(static_cast<float>(options.positive ? std::abs(w) : w));
            }
        }
    }
    Graph graph = input_graph();
    graph.opsets["ai.onnx.ml"] = 3;
    graph::Node node{.op = options.classifier ? "TreeEnsembleClassifier" : "TreeEnsembleRegressor",
                     .domain = "ai.onnx.ml"};
    const std::string what = options.classifier ? "class" : "target";
    node.inputs = {"x"};
    node.attributes = {{"nodes_treeids", trees},       {"nodes_nodeids", ids},
                       {"nodes_featureids", features}, {"nodes_modes", kinds},
                       {"nodes_values", values},       {"nodes_truenodeids", yes},
                       {"nodes_falsenodeids", no},     {what + "_treeids", leaf_trees},
                       {what + "_nodeids", leaf_ids},  {what + "_ids", targets},
                       {what + "_weights", weights},   {"post_transform", options.post}};
    if (options.classifier) {
        std::vector<int64_t> labels;
        for (int64_t c = 0; c < options.classes; ++c) labels.push_back(c);
        node.attributes["classlabels_int64s"] = labels;
        node.outputs = {"label", "y"};
        graph.outputs.push_back(value_info("label", ElementType::int64, {-1}));
    } else {
        node.attributes["n_targets"] = options.targets;
        node.attributes["aggregate_function"] = options.aggregate;
        node.attributes["base_values"] = std::vector<float>(options.targets, 0.25f);
        node.outputs = {"y"};
    }
    graph.nodes.push_back(node);
    graph.outputs.push_back(value_info("y", ElementType::float32, {-1, options.classes}));
    return graph;
}

TEST(Direct, Trees) {
    Question question;
    const auto expect = [&](const TreeOptions& options) {
        SCOPED_TRACE(options.post + options.aggregate + std::to_string(options.targets));
        expect_equal_answers(forest(options, question), "y", question);
    };
    expect({});
    expect({.aggregate = "AVERAGE"});
    expect({.targets = 3, .classes = 3});
    expect({.classifier = true, .classes = 2, .post = "LOGISTIC"});
    expect({.classifier = true, .classes = 2, .post = "NONE", .positive = true});
    expect({.classifier = true, .classes = 2, .post = "NONE"});
    expect({.classifier = true, .classes = 2, .post = "LOGISTIC", .positive = true});
    for (const char* post : {"NONE", "LOGISTIC", "SOFTMAX"})
        expect({.classifier = true, .classes = 2, .post = post, .only_class = 1});
    expect({.classifier = true, .targets = 3, .classes = 3, .post = "SOFTMAX"});
    expect({.classifier = true, .targets = 3, .classes = 3, .post = "NONE"});
    question.labels = {0, 1, 1, -1, 0, 2, 3, -1, 1};
    expect({});
    question.input = question.background.slice_rows(3, 1);
    expect({.classifier = true, .classes = 2, .post = "LOGISTIC"});
}

TEST(Direct, OtherFormsAreNotRead) {
    const auto read = [](const Graph& graph) { return direct::read(graph); };
    {
        Graph graph = input_graph();
        Builder b(graph);
        const std::string first = b.node("Relu", {layer(b, "x", columns, columns, 1)});
        EXPECT_FALSE(read(ending_in(graph, layer(b, b.add(first, "x"), columns, 2, 3), 2)))
            << "skips a layer";
    }
    {
        Graph graph = input_graph();
        Builder b(graph);
        EXPECT_FALSE(read(ending_in(graph, b.node("Erf", {layer(b, "x", columns, 2, 1)}), 2)))
            << "another function";
    }
    {
        Graph graph = input_graph();
        Builder b(graph);
        EXPECT_FALSE(read(ending_in(graph, b.node("Relu", {"x"}), columns))) << "nothing linear";
    }
    {
        Graph graph = input_graph();
        Builder b(graph);
        const std::string first = layer(b, "x", columns, 3, 1);
        EXPECT_FALSE(read(ending_in(graph, b.mul(first, first), 3))) << "multiplied by itself";
    }
    EXPECT_FALSE(read(testing::perceptron(-1))) << "double precision";
    // A loop would walk for ever.
    Graph loop = forest({}, {});
    std::get<std::vector<int64_t>>(loop.nodes[0].attributes["nodes_truenodeids"])[1] = 0;
    EXPECT_FALSE(read(loop));
    Graph outside = forest({}, {});
    std::get<std::vector<int64_t>>(outside.nodes[0].attributes["nodes_featureids"])[0] = columns;
    EXPECT_FALSE(read(outside));
}

TEST(Direct, RowsThatAreNotNumbersAndOtherOutputsAreLeftToTheModel) {
    const OnnxModel model = testing::load(network("Relu", "", 8, 2));
    const auto scorer = direct::read(model.graph());
    Question question;
    const LabelMasker fine = question.masker();
    EXPECT_TRUE(scorer->over(fine, "y"));
    EXPECT_FALSE(scorer->over(fine, "z"));
    question.background.as<float>()[4] = NAN;
    const LabelMasker missing = question.masker();
    EXPECT_FALSE(scorer->over(missing, "y"));
}

// ---- in a game

std::vector<double> values_of(const OnnxModel& model, const Question& question,
                              const MaskedScores* scores, bool& used, Scale scale = Scale::raw,
                              int threads = 1) {
    const LabelMasker masker = question.masker();
    const Batch input{{{"x", question.input}}};
    const ResolvedTarget target =
        resolve({.index = 1, .scale = scale}, model, input, Scale::raw, {});
    MaskedGame game(model, target, masker, input);
    const auto scorer = direct::read(model.graph());
    const auto own = scorer->over(masker, "y");
    Run run;
    run.threads = threads;
    used = game.use(scores ? *scores : *own, run);
    const std::vector<uint8_t> present = some_coalitions(1500, masker.players());
    return game.values({present.data(), 1500, masker.players()}, run);
}

// Answers that are wrong for one filling.
class Liar final : public MaskedScores {
  public:
    explicit Liar(const MaskedScores& honest) : honest_(honest) {}
    [[nodiscard]] int64_t classes() const override { return honest_.classes(); }
    void scores(MatrixView<const uint8_t> present, int64_t first, int64_t count,
                std::span<float> out) const override {
        honest_.scores(present, first, count, out);
        if (first <= 17 && 17 < first + count)
            out[(17 - first) * present.rows * classes() + 1] += 1e-2f;
    }

  private:
    const MaskedScores& honest_;
};

TEST(Direct, AGameUsesAnswersThatAgreeWithTheModelAndNoOthers) {
    const OnnxModel model = testing::load(network("Tanh", "", 33, 3));
    Question question;
    question.weights.assign(fillings, 1.0);
    question.weights[2] = 5;
    const LabelMasker masker = question.masker();
    const auto scorer = direct::read(model.graph());
    const auto honest = scorer->over(masker, "y");
    const Liar liar(*honest);
    for (const Scale scale : {Scale::raw, Scale::probability}) {
        bool used = false, used_liar = true;
        const std::vector<double> fast = values_of(model, question, nullptr, used, scale);
        const std::vector<double> slow = values_of(model, question, &liar, used_liar, scale);
        EXPECT_TRUE(used);
        EXPECT_FALSE(used_liar);
        ASSERT_EQ(fast.size(), slow.size());
        for (size_t i = 0; i < fast.size(); ++i) ASSERT_NEAR(fast[i], slow[i], 3e-6) << i;
    }
}

TEST(Direct, TheSameBitsOnAnyNumberOfThreads) {
    const OnnxModel model = testing::load(network("Sigmoid", "Softmax", 33, 3));
    bool used = false;
    const std::vector<double> one = values_of(model, {}, nullptr, used);
    EXPECT_TRUE(used);
    for (const int threads : {2, 8})
        EXPECT_EQ(values_of(model, {}, nullptr, used, Scale::raw, threads), one);
}

}  // namespace
}  // namespace whence
