// Trees inside ONNX files, behind what encodes their inputs: values of the inputs against their
// definition, asked of ONNX Runtime alone (trees/*.onnx, made by make_onnx_trees.py).

#include "whence/recipe/held_trees.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include "support.h"
#include "whence/core/file.h"
#include "whence/core/rng.h"
#include "whence/data/table_model.h"
#include "whence/graph/io.h"
#include "whence/recipe/global.h"
#include "whence/recipe/input_trees.h"
#include "whence/recipe/onnx_trees.h"

namespace whence::recipe {
namespace {

using test::contains;

const std::filesystem::path models = WHENCE_SOURCE_DIR "/tests/recipe/trees";

/// Four columns: two numbers, then words and whole numbers where the model reads them.
data::Table table(bool frame, int64_t rows) {
    data::Table out;
    for (const char* name : {"age", "income", "job", "floor"}) out.schema.push_back({.name = name});
    if (frame) out.schema[2].categories = {"nurse", "clerk", "cook"};
    out.schema[1].allows_missing = frame;
    out.columns.resize(4);
    for (int64_t row = 0; row < rows; ++row) {
        Rng rng(5, 1, static_cast<uint64_t>(row));
        for (size_t c = 0; c < 2; ++c)
            out.columns[c].push_back(static_cast<float>(rng.uniform() * 4 - 2));
        out.columns[2].push_back(std::floor(rng.uniform() * 3));
        out.columns[3].push_back(std::floor(rng.uniform() * 4));
        if (frame && row % 5 == 2) out.columns[1].back() = std::numeric_limits<double>::quiet_NaN();
    }
    return out;
}

struct Case {
    std::string file;
    std::string output;  ///< of the model
    bool frame = false;
    /// What the model's answer is turned back into margins by: none, a logarithm (differences of
    /// these are differences of margins), a logit.
    enum class Back { none, logarithm, logit } back = Back::none;
    std::string target = "0";
    int64_t index = 0, minus = -1;
    double slack = 2e-6;
};

const std::vector<Case>& cases() {
    using enum Case::Back;
    static const std::vector<Case> all = {
        {"forest_two", "probabilities", false, none, "1", 1},
        {"forest_three", "probabilities", false, none, "2", 2},
        {"tree", "probabilities", false, none, "1", 1},
        {"extra_trees", "variable"},
        {"boosting", "variable"},
        {"boosting_two", "probabilities", false, logit, "1", 1, -1, 2e-5},
        {"boosting_three", "probabilities", false, logarithm, "2-0", 2, 0, 2e-5},
        {"hist", "variable"},
        {"hist_two", "probabilities", false, logit, "1", 1, -1, 2e-5},
        {"hist_three", "probabilities", false, logarithm, "0-1", 0, 1, 2e-5},
        {"encoded_scaled", "variable"},
        {"encoded_ranged", "variable"},
        {"encoded_matrix", "variable"},
        {"encoded_frame", "output_probability", true, none, "1", 1},
        {"encoded_ordinal", "variable", true},
    };
    return all;
}

Subject opened(const Case& of, int64_t background) {
    Subject subject = Subject::load(models / (of.file + ".onnx"));
    subject.use_background(table(of.frame, background));
    return subject;
}

Input input_of(const Subject& subject, int64_t row, bool frame) {
    return from_array(subject, table(frame, row + 1).matrix().slice_rows(row, 1));
}

/// What the model answers to rows, as a margin.
std::vector<double> margins(const Subject& subject, const Case& of, const Tensor& rows) {
    const data::TableModel model(subject.model(), subject.background()->schema);
    const Tensor answer = model.predict(Batch(rows), {}).at(of.output).cast(ElementType::float64);
    const auto back = [&](double score) {
        return of.back == Case::Back::none        ? score
               : of.back == Case::Back::logarithm ? std::log(score)
                                                  : std::log(score / (1 - score));
    };
    std::vector<double> out;
    for (int64_t row = 0; row < answer.rows(); ++row) {
        const double* const scores = answer.as<double>().data() + row * answer.row_size();
        out.push_back(back(scores[of.index]) - (of.minus < 0 ? 0 : back(scores[of.minus])));
    }
    return out;
}

/// Shapley values of the mean margin over background rows, from all coalitions of the four columns.
std::vector<double> brute_force(const Subject& subject, const Case& of, const Tensor& row) {
    const Tensor background = subject.background()->matrix();
    std::vector<double> worth;
    for (uint32_t coalition = 0; coalition < 16; ++coalition) {
        Tensor mixed = background;
        for (int64_t i = 0; i < mixed.size(); ++i)
            if (coalition >> i % 4 & 1) mixed.as<double>()[i] = row.as<double>()[i % 4];
        double sum = 0;
        for (const double one : margins(subject, of, mixed)) sum += one;
        worth.push_back(sum / static_cast<double>(background.rows()));
    }
    constexpr double weights[] = {1 / 4., 1 / 12., 1 / 12., 1 / 4.};
    std::vector<double> phi(4, 0);
    for (uint32_t p = 0; p < 4; ++p)
        for (uint32_t s = 0; s < 16; ++s)
            if (!(s >> p & 1))
                phi[p] += weights[std::popcount(s)] * (worth[s | 1U << p] - worth[s]);
    return phi;
}

Tensor one_row() {
    return Tensor::of<float>({1, 4}, std::vector<float>{0.5F, 1, 0, 2});
}

bool notes(const Explanation& e, const std::string& part) {
    return std::ranges::any_of(e.diagnostics.notes,
                               [&](const std::string& note) { return contains(note, part); });
}

Explanation explained(const Subject& subject, const Input& input, std::string target,
                      std::string method = "tree-shap") {
    return explain(subject, input, {.method = std::move(method), .target = std::move(target)}, {});
}

TEST(HeldTrees, ValuesAreThoseOfTheInputsByDefinition) {
    for (const Case& of : cases()) {
        SCOPED_TRACE(of.file);
        const Subject subject = opened(of, 12);
        double largest = 0;
        for (int64_t row = 0; row < 5; ++row) {
            const Input input = input_of(subject, row, of.frame);
            const Explanation e = explained(subject, input, of.target);
            const std::vector<double> want = brute_force(subject, of, *input.row);
            ASSERT_EQ(e.attribution.values.size(), 4);
            for (int64_t j = 0; j < 4; ++j) {
                ASSERT_NEAR(e.attribution.values.as<double>()[j], want[j], of.slack) << row;
                largest = std::max(largest, std::abs(want[j]));
            }
            EXPECT_NEAR(*e.diagnostics.attribution_error, 0, 1e-9);
            EXPECT_NEAR(e.target.value, margins(subject, of, *input.row)[0], of.slack);
            EXPECT_TRUE(notes(e, "the trees are those of the node TreeEnsemble"));
            EXPECT_EQ(notes(e, "made of one input"),
                      of.file == "encoded_matrix" || of.file == "encoded_frame");
        }
        EXPECT_GT(largest, 0.01) << "values of nothing test nothing";
    }
}

TEST(HeldTrees, TheMarginOfTwoClassesSpeaksForTheSecond) {
    const Case of = cases()[5];
    Subject subject = opened(of, 5);
    subject.use_classes({"no", "yes"});
    const Input input = input_of(subject, 1, false);
    const Explanation yes = explained(subject, input, "yes"), no = explained(subject, input, "no");
    EXPECT_EQ(yes.target.label, "yes");
    EXPECT_EQ(no.target.label, "yes");
    EXPECT_TRUE(notes(no, "speaks against no"));
    EXPECT_FALSE(notes(yes, "speaks against"));
    EXPECT_EQ(yes.target.value, no.target.value);
    const Explanation named = explained(subject, input, "probabilities:yes");
    EXPECT_NEAR(named.target.value, 1 / (1 + std::exp(-yes.target.value)), 1e-12);
    EXPECT_EQ(named.target.label, "yes");
}

// What the model answers by the name of its output, and a forest's shares in the scale they are.
TEST(HeldTrees, ProbabilitiesAreThoseOfTheModel) {
    const std::vector<Case> all = {
        {.file = "boosting_two",
         .output = "probabilities",
         .target = "probabilities:1",
         .index = 1},
        {.file = "hist_three", .output = "probabilities", .target = "probabilities:2", .index = 2},
        {.file = "encoded_matrix", .output = "variable", .target = "variable:0"}};
    for (const Case& of : all) {
        SCOPED_TRACE(of.file);
        const Subject subject = opened(of, 12);
        const Input input = input_of(subject, 2, false);
        const Explanation e = explained(subject, input, of.target);
        const std::vector<double> want = brute_force(subject, of, *input.row);
        for (int64_t j = 0; j < 4; ++j)
            EXPECT_NEAR(e.attribution.values.as<double>()[j], want[j], of.slack);
    }
    const Subject forest = opened(cases()[1], 5);
    const auto in = [&](Scale scale) {
        return explain(forest, input_of(forest, 1, false),
                       {.method = "tree-shap", .target = "1", .scale = scale}, {});
    };
    EXPECT_EQ(in(Scale::probability).target.value, in(Scale::raw).target.value);
    EXPECT_TRUE(contains(message_of(ErrorKind::unsupported, [&] { (void)in(Scale::logit); }),
                         "do not add up to a logit"));
}

TEST(HeldTrees, OnlyTheColumnsOfAnInputFollowIt) {
    for (const Case& of : cases()) {
        SCOPED_TRACE(of.file);
        const Subject subject = opened(of, 40);
        const Schema schema = subject.background()->schema;
        const HeldTrees held(subject, schema);
        const Tensor rows = subject.background()->matrix();
        const Tensor before = held.encoded(rows, {});
        const trees::Ensemble& ensemble = held.model().ensemble();
        std::set<int32_t> used;
        for (const trees::Tree& tree : ensemble.trees())
            for (const trees::Node& node : tree.nodes)
                if (!node.is_leaf()) used.insert(node.feature);
        for (int64_t column = 0; column < 4; ++column) {
            Tensor turned = rows;  // each row has the next row's value there
            for (int64_t row = 0; row < rows.rows(); ++row)
                turned.as<double>()[row * 4 + column] =
                    rows.as<double>()[(row + 1) % rows.rows() * 4 + column];
            const Tensor after = held.encoded(turned, {});
            std::set<int64_t> changed;
            for (int64_t i = 0; i < before.size(); ++i)
                if (before.as<double>()[i] != after.as<double>()[i])
                    changed.insert(i % ensemble.features());
            for (const int32_t feature : used)
                EXPECT_EQ(changed.contains(feature),
                          ensemble.player(feature) == held.feature_of_column()[column])
                    << "column " << column << ", feature " << feature;
        }
    }
}

TEST(HeldTrees, WithoutCoversNeedABackground) {
    const Subject subject = Subject::load(models / "boosting.onnx");
    const Input input = from_array(subject, one_row());
    EXPECT_TRUE(
        contains(message_of(ErrorKind::unsupported, [&] { (void)explained(subject, input, "0"); }),
                 "give a background instead"));
}

TEST(HeldTrees, HitRatesThatAddUpAreCovers) {
    graph::Graph graph = graph::read_model(models / "boosting.onnx");
    graph::Node& node = graph.nodes[tree_node(graph) - graph.nodes.data()];
    // A leaf counts one row, a split those below it; a node's children stand behind it.
    const auto modes = std::get<std::vector<std::string>>(node.attributes.at("nodes_modes"));
    const auto yes = node.integers("nodes_truenodeids"), no = node.integers("nodes_falsenodeids"),
               ids = node.integers("nodes_nodeids");
    std::vector<float> rates(modes.size(), 1);
    for (size_t i = modes.size(); i-- > 0;) {
        const size_t root = i - static_cast<size_t>(ids[i]);
        if (modes[i] != "LEAF") rates[i] = rates[root + yes[i]] + rates[root + no[i]];
    }
    node.attributes["nodes_hitrates"] = rates;
    const auto path = std::filesystem::temp_directory_path() / "whence_hit_rates.onnx";
    write_file(path, graph::serialize(graph));
    const Subject subject = Subject::load(path);
    std::filesystem::remove(path);
    const Input input = from_array(subject, one_row());
    const Explanation shap = explained(subject, input, "0"),
                      pairs = explained(subject, input, "0", "tree-interactions");
    EXPECT_NEAR(*shap.diagnostics.attribution_error, 0, 1e-9);
    for (int64_t j = 0; j < 4; ++j)
        EXPECT_NEAR(shap.attribution.values.as<double>()[j],
                    pairs.attribution.values.as<double>()[j], 1e-12);
}

TEST(HeldTrees, FilesOfOthers) {
    const std::filesystem::path shared = WHENCE_SHARED_DIR "/data/trees/onnx";
    if (!std::filesystem::exists(shared)) GTEST_SKIP() << shared << " is not there";
    for (const auto& [name, columns] : std::vector<std::pair<const char*, int64_t>>{
             {"treecl.onnx", 20},  // its input's width is open
             {"treecl3.onnx", 10},
             {"xgboost_classifier_tree.model.onnx", 13},
             {"xgboost_regressor_tree.model.onnx", 13}}) {
        SCOPED_TRACE(name);
        const Subject subject = Subject::load(shared / name);
        const auto held = kept_trees(subject, {}, columns);
        Tensor rows(ElementType::float64, {30, columns});
        for (int64_t i = 0; i < rows.size(); ++i) {
            Rng rng(1, 2, static_cast<uint64_t>(i));
            rows.as<double>()[i] = rng.uniform() * 6 - 1;
        }
        // Compares the scores; here no column is made of another.
        EXPECT_EQ(held->encoded(rows, {}).cast(ElementType::float32).to_doubles(),
                  rows.cast(ElementType::float32).to_doubles());
        EXPECT_EQ(std::ssize(held->feature_of_column()), columns);
    }
}

TEST(HeldTrees, RefuseWhatMixesInputsOrFollowsTheTrees) {
    const auto said = [](const char* file) {
        Case of{.file = file, .output = ""};
        return message_of(ErrorKind::unsupported, [&] {
            const Subject subject = opened(of, 3);
            (void)explained(subject, input_of(subject, 0, false), "0");
        });
    };
    for (const auto& [file, part] : std::vector<std::pair<const char*, const char*>>{
             {"encoded_pca", "MatMul"},
             {"encoded_normed", "Normalizer"},
             {"encoded_calibrated", "Sum"},
             {"encoded_isolation", "2 tree ensembles"}}) {
        EXPECT_TRUE(contains(said(file), part)) << said(file);
        EXPECT_TRUE(contains(said(file), "kernel-shap")) << said(file);
    }
    const Subject network = test::table_subject();
    EXPECT_TRUE(
        contains(message_of(ErrorKind::usage, [&] { (void)explained(network, test::row(1), "0"); }),
                 "this model is none"));
}

/// As table(), with numbers of one decimal.
data::Table tenths(bool frame, int64_t rows) {
    data::Table out = table(frame, rows);
    for (size_t c = 0; c < 2; ++c)
        for (double& value : out.columns[c]) value = std::round(10 * value) / 10;
    return out;
}

/// All rows of numbers with one decimal and of categories, and what the model answers to them.
struct Grid {
    Grid(const Subject& subject, const Case& of, const std::vector<double>& row) {
        const data::Table& data = *subject.background();
        std::vector<std::vector<double>> choices(4);
        for (size_t c = 0; c < 4; ++c) {
            std::vector<double> known;
            for (const double value : data.columns[c])
                if (!std::isnan(value)) known.push_back(value);
            const auto [low, high] = std::ranges::minmax(known);
            const double per_unit = c < 2 ? 10 : 1;
            for (double k = std::round(low * per_unit); k <= std::round(high * per_unit); ++k)
                choices[c].push_back(k / per_unit);
            if (std::isnan(row[c])) choices[c].push_back(row[c]);
        }
        for (const double a : choices[0])
            for (const double b : choices[1])
                for (const double c : choices[2])
                    for (const double d : choices[3]) cells.insert(cells.end(), {a, b, c, d});
        const auto count = static_cast<int64_t>(cells.size()) / 4;
        const data::TableModel model(subject.model(), data.schema);
        const Tensor answer = model.predict(Batch(Tensor::of<double>({count, 4}, cells)), {})
                                  .at(of.output)
                                  .cast(ElementType::float64);
        width = answer.row_size();
        scores = answer.to_doubles();
    }
    [[nodiscard]] size_t size() const { return cells.size() / 4; }
    [[nodiscard]] std::span<const double> row(size_t i) const { return {cells.data() + 4 * i, 4}; }
    [[nodiscard]] std::span<const double> answer(size_t i) const {
        return {scores.data() + i * width, static_cast<size_t>(width)};
    }
    [[nodiscard]] size_t place(const std::vector<double>& of) const {
        for (size_t i = 0; i < size(); ++i) {
            bool same = true;
            for (size_t c = 0; c < 4; ++c)
                same &= row(i)[c] == of[c] || (std::isnan(row(i)[c]) && std::isnan(of[c]));
            if (same) return i;
        }
        ADD_FAILURE() << "the row is not in the grid";
        return 0;
    }

    std::vector<double> cells, scores;
    int64_t width = 1;
};

int64_t top(std::span<const double> scores) {
    return std::ranges::max_element(scores) - scores.begin();
}

/// Counterfactual's metric, as documented.
double distance(const data::Table& data, std::span<const double> a, std::span<const double> b) {
    const auto median = [](std::vector<double> values) {
        std::ranges::sort(values);
        const size_t n = values.size();
        return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    };
    double sum = 0;
    for (size_t c = 0; c < 4; ++c) {
        if (a[c] == b[c] || (std::isnan(a[c]) && std::isnan(b[c]))) continue;
        if (std::isnan(a[c]) || std::isnan(b[c]) || data.schema[c].categorical()) {
            sum += 1;
            continue;
        }
        std::vector<double> known, deviations;
        for (const double value : data.columns[c])
            if (!std::isnan(value)) known.push_back(value);
        for (const double value : known) deviations.push_back(std::abs(value - median(known)));
        sum += std::abs(a[c] - b[c]) / median(deviations);
    }
    return sum;
}

/// Models whose answers are searched: classes, and numbers that should rise by `rise`.
struct Searched {
    Case of;
    double rise = 0;  ///< 0: classes
};
const std::vector<Searched>& searched() {
    static const std::vector<Searched> all = {{{"forest_two", "probabilities"}},
                                              {{"forest_three", "probabilities"}},
                                              {{"boosting_three", "probabilities"}},
                                              {{"hist_two", "probabilities"}},
                                              {{"encoded_frame", "output_probability", true}},
                                              {{"encoded_scaled", "variable"}, 0.5},
                                              {{"encoded_ranged", "variable"}, 0.5},
                                              {{"encoded_matrix", "variable"}, 0.7}};
    return all;
}

TEST(InputTrees, CounterfactualsAreTheNearestRowsOfTheFilesInputs) {
    int changed = 0, categories = 0;
    for (const Searched& one : searched()) {
        SCOPED_TRACE(one.of.file);
        Subject subject = Subject::load(models / (one.of.file + ".onnx"));
        subject.use_background(tenths(one.of.frame, 40));
        const data::Table& data = *subject.background();
        for (int64_t number : {2, 7, 11}) {
            const bool fixed = number > 2;  // the numbers stay: categories must change
            const Input input = from_array(subject, data.matrix().slice_rows(number, 1));
            const std::vector<double> row = input.row->to_doubles();
            const Grid grid(subject, one.of, row);
            const size_t here = grid.place(row);
            const double need = grid.answer(here)[0] + one.rise;
            Recipe recipe{.method = "tree-counterfactual"};
            if (one.rise > 0) recipe.options = {{"wanted", ">=" + std::to_string(need)}};
            if (fixed) recipe.options.push_back({"fixed", std::string("age,income")});
            const Explanation e = explain(subject, input, recipe, {});
            double best = std::numeric_limits<double>::infinity();
            const auto stays = [&](size_t i, size_t c) {
                return grid.row(i)[c] == row[c] ||
                       (std::isnan(grid.row(i)[c]) && std::isnan(row[c]));
            };
            for (size_t i = 0; i < grid.size(); ++i)
                if ((!fixed || (stays(i, 0) && stays(i, 1))) &&
                    (one.rise > 0 ? grid.answer(i)[0] >= std::stod(std::to_string(need))
                                  : top(grid.answer(i)) != top(grid.answer(here))))
                    best = std::min(best, distance(data, row, grid.row(i)));
            const auto& found = e.counterfactuals->found;
            if (std::isinf(best)) {
                EXPECT_TRUE(found.empty() || !found[0].valid);
                EXPECT_TRUE(notes(e, "proven: no row"));
                continue;
            }
            ASSERT_EQ(found.size(), 1U);
            ASSERT_TRUE(found[0].valid);
            EXPECT_TRUE(notes(e, "proven minimal"));
            EXPECT_NEAR(found[0].distance, best, 1e-9);
            EXPECT_TRUE(notes(e, "splits on the columns of the table"));
            const size_t there = grid.place(found[0].values.to_doubles());
            EXPECT_TRUE(one.rise > 0 ? grid.answer(there)[0] >= need - 1e-6
                                     : top(grid.answer(there)) != top(grid.answer(here)));
            changed += !found[0].changes.empty();
            for (const auto& change : found[0].changes) categories += change.feature >= 2;
        }
    }
    EXPECT_GT(changed, 8);
    EXPECT_GT(categories, 0);
}

TEST(InputTrees, AnchorsSufficeForTheFilesInputs) {
    int shorter = 0;
    for (const Searched& one : searched()) {
        SCOPED_TRACE(one.of.file);
        Subject subject = Subject::load(models / (one.of.file + ".onnx"));
        subject.use_background(tenths(one.of.frame, 40));
        const data::Table& data = *subject.background();
        for (int64_t number : {1, 3, 12}) {
            const Input input = from_array(subject, data.matrix().slice_rows(number, 1));
            const std::vector<double> row = input.row->to_doubles();
            const Grid grid(subject, one.of, row);
            const size_t here = grid.place(row);
            Recipe recipe{.method = "tree-anchors"};
            if (one.rise > 0) recipe.options = {{"within", one.rise}};
            const Explanation e = explain(subject, input, recipe, {});
            ASSERT_TRUE(e.rule);
            EXPECT_TRUE(notes(e, "proven: no condition can be left out"));
            std::set<int64_t> named;
            for (const auto& condition : e.rule->conditions) named.insert(condition.feature);
            shorter += named.size() < 4;
            // All rows that agree in the columns named.
            for (size_t i = 0; i < grid.size(); ++i) {
                std::set<int64_t> apart;
                for (int64_t c = 0; c < 4; ++c)
                    if (!(grid.row(i)[c] == row[c] ||
                          (std::isnan(grid.row(i)[c]) && std::isnan(row[c]))))
                        apart.insert(c);
                const bool same =
                    one.rise > 0
                        ? std::abs(grid.answer(i)[0] - grid.answer(here)[0]) <= one.rise + 1e-6
                        : top(grid.answer(i)) == top(grid.answer(here));
                if (std::ranges::none_of(apart, [&](int64_t c) { return named.contains(c); })) {
                    EXPECT_TRUE(same) << i;
                }
            }
        }
    }
    EXPECT_GT(shorter, 8);
}

// Where a number is just at a threshold, beside it, and between whole numbers.
TEST(InputTrees, AnswerEveryRowAsTheFileDoes) {
    for (const Case& of : cases()) {
        if (of.file == "encoded_ordinal") continue;  // refused below
        SCOPED_TRACE(of.file);
        const Subject subject = opened(of, 40);
        const Schema schema = subject.background()->schema;
        const Tensor background = subject.background()->matrix();
        const auto trees = kept_input_trees(subject, schema, background.slice_rows(0, 1), {});
        trees->require_same(background, {});
        std::vector<double> cells;
        int64_t count = 0;
        for (const trees::Tree& tree : trees->model().ensemble().trees())
            for (const trees::Node& node : tree.nodes) {
                if (node.is_leaf() || node.categories >= 0 || std::isinf(node.threshold)) continue;
                for (const double x :
                     {node.threshold, std::nextafter(node.threshold, -HUGE_VAL),
                      std::nextafter(node.threshold, HUGE_VAL), node.threshold + 0.37, -1e6, 1e6}) {
                    // Its one-hot encoders take no other numbers.
                    if (of.file == "encoded_matrix" && node.feature >= 2 &&
                        !(static_cast<float>(x) > -1 &&
                          static_cast<float>(x) < static_cast<float>(node.feature + 1)))
                        continue;
                    Rng rng(3, 4, static_cast<uint64_t>(count));
                    const auto from = static_cast<int64_t>(rng.uniform() * 40);
                    const std::vector<double> row = background.slice_rows(from, 1).to_doubles();
                    cells.insert(cells.end(), row.begin(), row.end());
                    cells[4 * count++ + node.feature] = x;
                }
            }
        ASSERT_GT(count, 20);
        trees->require_same(Tensor::of<double>({count, 4}, cells), {});
    }
}

TEST(InputTrees, RefuseNumbersOfWhichNobodyKnowsTheOrder) {
    const Case ordinal{.file = "encoded_ordinal", .output = "variable", .frame = true};
    const Subject subject = opened(ordinal, 12);
    for (const char* method : {"tree-counterfactual", "tree-anchors"}) {
        const std::string said = message_of(ErrorKind::unsupported, [&] {
            (void)explain(subject, input_of(subject, 0, true), {.method = method, .options = {}},
                          {});
        });
        EXPECT_TRUE(contains(said, "'floor'")) << said;
        EXPECT_TRUE(contains(said, "LabelEncoder")) << said;
    }
    for (const char* file : {"encoded_pca", "encoded_calibrated"}) {
        const Subject other = opened({.file = file, .output = ""}, 3);
        EXPECT_FALSE(message_of(ErrorKind::unsupported, [&] {
                         (void)explain(other, input_of(other, 0, false), {.method = "tree-anchors"},
                                       {});
                     }).empty());
    }
}

Importance importance_of(const Subject& subject, const TableInput& rows, const char* measure,
                         const std::string& target) {
    const GlobalRequest request{.view = "tree-importance",
                                .target = target,
                                .options = {{"measure", std::string(measure)}}};
    return std::get<Importance>(global_view(subject, rows, request, {}).result);
}

TEST(HeldTrees, ImportanceIsOfTheFilesInputs) {
    for (const Case& of : cases()) {
        SCOPED_TRACE(of.file);
        const Subject subject = opened(of, 12);
        TableInput rows = table_input(subject, table(of.frame, 12).matrix());
        rows.schema = subject.background()->schema;
        const Importance shap = importance_of(subject, rows, "shap", of.target);
        std::vector<double> want(4, 0);
        for (int64_t row = 0; row < 12; ++row) {
            const Explanation e = explained(subject, input_of(subject, row, of.frame), of.target);
            for (int64_t j = 0; j < 4; ++j)
                want[j] += std::abs(e.attribution.values.as<double>()[j]) / 12;
        }
        ASSERT_EQ(shap.values.size(), 4U);
        for (size_t j = 0; j < 4; ++j) EXPECT_NEAR(shap.values[j], want[j], 1e-6);  // in float32
        const Importance splits = importance_of(subject, rows, "splits", of.target);
        const HeldTrees held(subject, subject.background()->schema);
        double all = 0, told = 0;
        for (const trees::Tree& tree : held.model().ensemble().trees())
            for (const trees::Node& node : tree.nodes) all += !node.is_leaf();
        for (const double value : splits.values) told += value;
        EXPECT_EQ(told, all);
    }
}

// Mean decrease of the loss over rows, from all coalitions of the file's inputs.
TEST(HeldTrees, ImportanceByLossIsOfTheFilesInputs) {
    for (const Case& of :
         {Case{"encoded_frame", "output_probability", true}, Case{"forest_three", "probabilities"},
          Case{"hist_two", "probabilities"}, Case{"encoded_matrix", "variable"}}) {
        SCOPED_TRACE(of.file);
        const Subject subject = opened(of, 8);
        TableInput rows = table_input(subject, table(of.frame, 6).matrix());
        rows.schema = subject.background()->schema;
        const bool classes = of.output != "variable";
        for (int64_t i = 0; i < 6; ++i)
            rows.labels.push_back(classes ? std::to_string(i % 2) : std::to_string(0.25 * i));
        const Importance have = importance_of(subject, rows, "loss", "0");
        EXPECT_EQ(have.loss, classes ? "log-loss" : "squared-error");
        const data::TableModel model(subject.model(), rows.schema);
        std::vector<double> want(4, 0);
        constexpr double weights[] = {1 / 4., 1 / 12., 1 / 12., 1 / 4.};
        for (int64_t i = 0; i < 6; ++i) {
            std::vector<double> worth;
            for (uint32_t coalition = 0; coalition < 16; ++coalition) {
                Tensor mixed = subject.background()->matrix();
                for (int64_t k = 0; k < mixed.size(); ++k)
                    if (coalition >> k % 4 & 1)
                        mixed.as<double>()[k] = rows.rows.as<double>()[4 * i + k % 4];
                const Tensor answer =
                    model.predict(Batch(mixed), {}).at(of.output).cast(ElementType::float64);
                double sum = 0;
                for (int64_t b = 0; b < 8; ++b) {
                    const double score =
                        answer.as<double>()[b * answer.row_size() + (classes ? i % 2 : 0)];
                    sum += (classes ? -std::log(std::max(score, 1e-15))
                                    : std::pow(score - 0.25 * static_cast<double>(i), 2)) /
                           8;
                }
                worth.push_back(sum);
            }
            for (uint32_t p = 0; p < 4; ++p)
                for (uint32_t s = 0; s < 16; ++s)
                    if (!(s >> p & 1))
                        want[p] += weights[std::popcount(s)] * (worth[s] - worth[s | 1U << p]) / 6;
        }
        // float32 rounding where a share is nearly 0 is large in its logarithm
        for (size_t j = 0; j < 4; ++j) EXPECT_NEAR(have.values[j], want[j], 2e-5) << j;
    }
}

TEST(HeldTrees, AreExplainedByThemWhereNobodyNamesAMethod) {
    const auto chosen = [](const char* file, bool background) {
        Subject subject = Subject::load(models / (std::string(file) + ".onnx"));
        if (background) subject.use_background(table(false, 3));
        return default_method(subject, from_array(subject, one_row())).method;
    };
    EXPECT_EQ(chosen("encoded_matrix", true), "tree-shap");
    EXPECT_EQ(chosen("encoded_pca", true), "lime");
    EXPECT_NE(chosen("forest_three", true), chosen("encoded_pca", true));
}

// The check that stands between a file that is read wrongly and its values.
TEST(HeldTrees, NoticeAnswersThatAreNotTheirs) {
    const Case of = cases()[1];
    const Subject subject = opened(of, 20);
    const HeldTrees held(subject, subject.background()->schema);
    const Tensor columns = held.encoded(subject.background()->matrix(), {});
    Tensor scores = held.model().predict(Batch({{"features", columns}}), {})[0].value;
    held.require_same(columns, scores, {});
    scores.as<double>()[7] += 1e-4;
    EXPECT_TRUE(contains(
        message_of(ErrorKind::unsupported, [&] { held.require_same(columns, scores, {}); }),
        "the tree node answers"));
}

}  // namespace
}  // namespace whence::recipe
