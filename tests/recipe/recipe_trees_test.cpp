// Tree ensembles as subjects: opened by their content, with the names they bring, explained by
// asking.

#include "support.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "whence/core/explanation_json.h"
#include "whence/core/file.h"
#include "whence/recipe/global.h"
#include "whence/recipe/predict.h"
#include "whence/trees/importance.h"
#include "whence/trees/shap/interventional.h"

namespace whence::recipe {
namespace {

using test::contains;

const std::filesystem::path models =
    std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/trees/models";

class TreeSubjects : public ::testing::Test {
  protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path write(const std::string& name, const std::string& text) const {
        write_file(folder_ / name, text);
        return folder_ / name;
    }
    // Five columns that xgboost_softprob was trained on the like of; column 3 has few values.
    [[nodiscard]] std::filesystem::path numbers(int64_t rows) const {
        std::string text = "a,b,c,d,e\n";
        for (int64_t i = 0; i < rows; ++i) {
            const auto wave = [&](int64_t k) {
                return std::to_string(static_cast<double>(i * k % 41 - 20) / 8);
            };
            text += wave(7) + "," + wave(11) + "," + wave(13) + "," + std::to_string(i % 6) + "," +
                    wave(17) + "\n";
        }
        return write("rows.csv", text);
    }

    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("whence_trees_" + std::to_string(::getpid()));
};

TEST_F(TreeSubjects, OpenByTheirContent) {
    for (const char* file : {"xgboost_softprob.json", "xgboost_softprob.ubj",
                             "lightgbm_multiclass.txt", "catboost_labels.json"}) {
        std::filesystem::copy_file(models / file, folder_ / "model.bin",
                                   std::filesystem::copy_options::overwrite_existing);
        const Subject subject = Subject::load(folder_ / "model.bin");
        ASSERT_TRUE(subject.ensemble_or_null()) << file;
        EXPECT_EQ(subject.onnx_or_null(), nullptr);
        EXPECT_EQ(subject.sha256().size(), 64U);
    }
    EXPECT_EQ(Subject::load(models / "catboost_labels.json").classes(),
              (std::vector<std::string>{"eggs", "ham", "spam"}));
}

TEST_F(TreeSubjects, AreRefusedByNameAndForPictures) {
    const auto refused = write("old.model", "binf....");
    EXPECT_TRUE(contains(message_of(ErrorKind::model, [&] { Subject::load(refused); }),
                         "old.model: XGBoost's old binary format"));
    EXPECT_TRUE(
        contains(message_of(ErrorKind::usage,
                            [] { Subject::load(models / "xgboost_softprob.json", "imagenet"); }),
                 "is a tree ensemble"));
}

// Words of a data frame are the categories that the model's file lists, in its order; unknown ones
// are named, missing ones allowed.
TEST_F(TreeSubjects, ReadTheWordsOfADataFrame) {
    for (const char* file : {"xgboost_frame.json", "lightgbm_frame.txt"}) {
        const Subject subject = Subject::load(models / file);
        const auto table =
            write("words.csv", "floor,job,age,name\n7,cook,0.5,x\n11,,-0.5,y\n3,clerk,,z\n");
        const std::vector<Input> inputs = read_inputs(subject, table);
        ASSERT_EQ(inputs.size(), 3U);
        const std::vector<double> first = inputs[0].row->to_doubles();
        EXPECT_EQ(first, (std::vector<double>{0.5, 1, 1})) << file;
        EXPECT_TRUE(std::isnan(inputs[1].row->to_doubles()[1]));
        for (const Input& input : inputs) EXPECT_FALSE(predict(subject, input, {}).empty());
        const auto unknown = write("unknown.csv", "floor,job,age\n7,king,0.5\n");
        EXPECT_TRUE(contains(
            message_of(ErrorKind::input, [&] { static_cast<void>(read_input(subject, unknown)); }),
            "king"))
            << file;
    }
}

// A model whose columns have no names takes categories by place.
TEST_F(TreeSubjects, ReadTheWordsOfColumnsWithoutNames) {
    const Subject subject = Subject::load(models / "catboost_one_hot.json");
    const Input input = read_input(
        subject, write("w.csv", "a,colour,b,size,c\n0.5,green,1,3,0\n0.5,blue,1,2,0\n"), 1);
    const auto& names = subject.ensemble_or_null()->ensemble().parts().category_names;
    EXPECT_EQ(names[1].at(static_cast<size_t>(input.row->to_doubles()[1])), "blue");
    EXPECT_EQ(names[3].at(static_cast<size_t>(input.row->to_doubles()[3])), "2");
}

// LIME with discretisation on a multi:softprob file: the case that many users of LIME met first.
TEST_F(TreeSubjects, LimeDiscretizesXgboostSoftprob) {
    Subject subject = Subject::load(models / "xgboost_softprob.json");
    const auto table = numbers(200);
    subject.use_background(table);
    const Input input = read_input(subject, table, 3);
    const Explanation why = explain(
        subject, input,
        {.method = "lime", .target = "2", .options = {{"discretizer", std::string("quartile")}}},
        {.seed = 5});
    const std::vector<double> p = predict(subject, input, {}).at("probabilities").to_doubles();
    EXPECT_EQ(p.size(), 4U);
    EXPECT_NEAR(why.target.value, p[2], 1e-12);
    EXPECT_EQ(why.target.resolved.output, "probabilities");
    const std::vector<double> values = why.attribution.values.to_doubles();
    ASSERT_EQ(values.size(), 5U);
    // The model's first column decides most (see make_golden.py), and LIME finds that.
    for (const size_t other : {1U, 3U, 4U}) EXPECT_GT(std::abs(values[0]), std::abs(values[other]));
    EXPECT_TRUE(contains(why.attribution.displays.at(0), "a") ||
                contains(why.attribution.names.at(0), "a"));
    EXPECT_EQ(why.provenance.model_sha256, subject.sha256());
}

// A model of two answers is asked for both, whatever the file returns.
TEST_F(TreeSubjects, BlackBoxMethodsRun) {
    Subject subject = Subject::load(models / "lightgbm_binary.txt");
    const auto table = numbers(60);
    subject.use_background(table);
    const Input input = read_input(subject, table, 0);
    EXPECT_EQ(default_method(subject, input).method, "tree-shap");
    for (const char* method : {"kernel-shap", "occlusion"}) {
        const Explanation why =
            explain(subject, input, {.method = method, .target = "1"}, {.seed = 1});
        EXPECT_EQ(why.attribution.values.size(), 5) << method;
        EXPECT_GT(why.provenance.evaluations, 0) << method;
    }
    const Explanation margin =
        explain(subject, input, {.method = "kernel-shap", .target = "margin:0"}, {.seed = 1});
    EXPECT_NEAR(margin.target.value, predict(subject, input, {}).at("margin").to_doubles()[0],
                1e-12);
    message_of(ErrorKind::unsupported, [&] {
        static_cast<void>(explain(subject, input, {.method = "integrated-gradients"}, {}));
    });
}

TEST_F(TreeSubjects, ExplanationsCarryTheFilesNotes) {
    Subject subject = Subject::load(models / "xgboost_softmax.json");
    const auto table = numbers(40);
    subject.use_background(table);
    const Explanation why =
        explain(subject, read_input(subject, table, 1), {.method = "occlusion"}, {});
    EXPECT_TRUE(std::ranges::any_of(why.diagnostics.notes, [](const std::string& note) {
        return contains(note, "multi:softmax");
    }));
}

// The trees' own values against all coalitions asked of the model.
TEST_F(TreeSubjects, TreeShapIsExactShapOfTheMargin) {
    for (const char* file : {"xgboost_softprob.json", "lightgbm_multiclass.txt"}) {
        Subject subject = Subject::load(models / file);
        const auto table = numbers(40);
        subject.use_background(table);
        const Input input = read_input(subject, table, 7);
        const Explanation trees = explain(subject, input, {.method = "tree-shap", .target = "2"}, {});
        const Explanation all =
            explain(subject, input,
                    {.method = "exact-shap",
                     .target = "margin:2",
                     .scale = Scale::raw,
                     .options = {{"summary", std::string("all")}}},
                    {});
        EXPECT_EQ(trees.target.resolved.output, "margin");
        EXPECT_NEAR(trees.target.value, all.target.value, 1e-9);
        EXPECT_NEAR(*trees.target.baseline_value, *all.target.baseline_value, 1e-9);
        const std::vector<double> a = trees.attribution.values.to_doubles();
        const std::vector<double> b = all.attribution.values.to_doubles();
        ASSERT_EQ(a.size(), b.size());
        for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-9) << file << ' ' << i;
        EXPECT_LT(std::abs(*trees.diagnostics.attribution_error), 1e-9);
        EXPECT_EQ(trees.attribution.names.size(), a.size());
    }
}

TEST_F(TreeSubjects, TreeShapByCoversAddsUpAndItsInteractionsAddUpToIt) {
    const Subject subject = Subject::load(models / "xgboost_softprob.json");
    const Input input = read_input(subject, numbers(10), 4);
    EXPECT_EQ(default_method(subject, input).method, "tree-shap");
    const Explanation why = explain(subject, input, {.method = "tree-shap", .target = "1-0"}, {});
    EXPECT_LT(std::abs(*why.diagnostics.attribution_error), 1e-9);
    EXPECT_TRUE(contains(why.target.baseline, "path-dependent"));
    const Explanation pairs =
        explain(subject, input, {.method = "tree-interactions", .target = "1-0"}, {});
    const std::vector<double> values = why.attribution.values.to_doubles();
    const std::vector<double> sums = pairs.attribution.values.to_doubles();
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], sums[i], 1e-9);
    const std::vector<double> matrix = pairs.interactions->values.to_doubles();
    const size_t n = values.size();
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j) EXPECT_NEAR(matrix[i * n + j], matrix[j * n + i], 1e-12);
    const std::string json = to_json(why);
    EXPECT_TRUE(replay(explanation_from_json(json), whence::Run{}).differences.empty());
    const Explanation banzhaf =
        explain(subject, input,
                {.method = "tree-shap", .options = {{"index", std::string("banzhaf")}}}, {});
    EXPECT_FALSE(banzhaf.diagnostics.attribution_error);
    EXPECT_FALSE(banzhaf.diagnostics.no_error_because.empty());
}

// Of probabilities and log-probabilities, too, and of the pairs of all three.
TEST_F(TreeSubjects, BehindTheLinkTreesHaveTheValuesOfAllCoalitions) {
    for (const char* file : {"xgboost_softprob.json", "lightgbm_binary.txt"}) {
        Subject subject = Subject::load(models / file);
        const auto table = numbers(40);
        subject.use_background(table);
        const Input input = read_input(subject, table, 7);
        const auto values_of = [&](const char* method, const char* target, Scale scale,
                                   std::vector<Option> options) {
            options.push_back({"summary", std::string("all")});
            return explain(subject, input,
                           {.method = method, .target = target, .scale = scale, .options = options},
                           {});
        };
        for (const Scale scale : {Scale::probability, Scale::log_probability, Scale::raw}) {
            const char* target = scale == Scale::raw ? "margin:0" : "1";
            const Explanation want = values_of("exact-shap", target, scale, {});
            const Explanation have = values_of("tree-shap", target, scale, {});
            EXPECT_EQ(have.target.resolved.output, want.target.resolved.output);
            EXPECT_EQ(have.target.resolved.scale, want.target.resolved.scale);
            EXPECT_NEAR(have.target.value, want.target.value, 1e-9);
            EXPECT_NEAR(*have.target.baseline_value, *want.target.baseline_value, 1e-9);
            EXPECT_LT(std::abs(*have.diagnostics.attribution_error), 1e-9);
            EXPECT_TRUE(have.attribution.standard_errors.empty());
            const std::vector<double> a = have.attribution.values.to_doubles();
            const std::vector<double> b = want.attribution.values.to_doubles();
            for (size_t i = 0; i < b.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-9) << file << ' ' << i;

            const std::vector<double> pairs =
                values_of("tree-interactions", target, scale, {})
                    .interactions->values.to_doubles();
            const std::vector<double> all = values_of("shap-interactions", target, scale, {})
                                                .interactions->values.to_doubles();
            ASSERT_EQ(pairs.size(), all.size());
            for (size_t i = 0; i < all.size(); ++i) EXPECT_NEAR(pairs[i], all[i], 1e-9) << file;
            const auto banzhaf = values_of("tree-shap", target, scale,
                                           {{"index", std::string("banzhaf")}});
            const std::vector<double> c = banzhaf.attribution.values.to_doubles();
            const std::vector<double> d =
                values_of("banzhaf", target, scale, {}).attribution.values.to_doubles();
            for (size_t i = 0; i < d.size(); ++i) EXPECT_NEAR(c[i], d[i], 1e-9) << file;
        }
        const Explanation why = explain(
            subject, input, {.method = "tree-shap", .target = "1", .scale = Scale::probability}, {});
        const std::string json = to_json(why);
        EXPECT_TRUE(replay(explanation_from_json(json), whence::Run{}).differences.empty());
    }
}

// A LightGBM file of one split on each of its columns, all of a logistic margin.
std::string many_stumps(int columns) {
    std::string names, infos, out, trees;
    for (int c = 0; c < columns; ++c) {
        names += (c ? " c" : "c") + std::to_string(c);
        infos += c ? " [-1:1]" : "[-1:1]";
        trees += "Tree=" + std::to_string(c) +
                 "\nnum_leaves=2\nnum_cat=0\nsplit_feature=" + std::to_string(c) +
                 "\nsplit_gain=1\nthreshold=0\ndecision_type=2\nleft_child=-1\nright_child=-2\n"
                 "leaf_value=-0." +
                 std::to_string(c + 1) + " 0." + std::to_string(columns - c) +
                 "\nleaf_weight=5 5\nleaf_count=5 5\ninternal_value=0\ninternal_weight=10\n"
                 "internal_count=10\nis_linear=0\nshrinkage=1\n\n\n";
    }
    return "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
           "max_feature_idx=" +
           std::to_string(columns - 1) + "\nobjective=binary sigmoid:1\nfeature_names=" + names +
           "\nfeature_infos=" + infos + "\n\n" + trees + "end of trees\n";
}

// For many_stumps: a row of ones and one of minus ones, which differ in every column.
std::string rows_of_stumps(int columns) {
    std::string table;
    for (int c = 0; c < columns; ++c) table += (c ? ",c" : "c") + std::to_string(c);
    for (const char* x : {"1", "-1"}) {
        table += "\n";
        for (int c = 0; c < columns; ++c) table += c ? std::string(",") + x : x;
    }
    return table + "\n";
}

TEST_F(TreeSubjects, BehindTheLinkManyFeaturesAreSampledWithStandardErrors) {
    constexpr int columns = 20;
    Subject subject = Subject::load(write("stumps.txt", many_stumps(columns)));
    const auto rows = write("stumps.csv", rows_of_stumps(columns));
    subject.use_background(rows);
    const Input input = read_input(subject, rows, 0);
    const Explanation why =
        explain(subject, input,
                {.method = "tree-shap", .target = "1", .scale = Scale::probability}, {.seed = 3});
    EXPECT_TRUE(std::ranges::any_of(why.diagnostics.notes, [](const std::string& note) {
        return contains(note, "sampled from");
    }));
    ASSERT_EQ(why.attribution.standard_errors.size(), columns);
    EXPECT_LT(std::abs(*why.diagnostics.attribution_error), 1e-9);
    const Explanation other = explain(subject, input,
                                      {.method = "permutation-shap",
                                       .target = "1",
                                       .scale = Scale::probability,
                                       .options = {{"budget", int64_t{40000}}, {"tolerance", 0.0}}},
                                      {.seed = 4});
    const std::vector<double> a = why.attribution.values.to_doubles();
    const std::vector<double> b = other.attribution.values.to_doubles();
    for (int c = 0; c < columns; ++c)
        EXPECT_NEAR(a[c], b[c],
                    5 * std::hypot(why.attribution.standard_errors[c],
                                   other.attribution.standard_errors[c]) +
                        1e-6);
}

TEST_F(TreeSubjects, InteractionsAgainstABackgroundAddUpToItsValues) {
    Subject subject = Subject::load(models / "xgboost_softprob.json");
    const auto table = numbers(30);
    subject.use_background(table);
    const Input input = read_input(subject, table, 4);
    const Explanation values = explain(subject, input, {.method = "tree-shap", .target = "1-0"}, {});
    const Explanation pairs =
        explain(subject, input, {.method = "tree-interactions", .target = "1-0"}, {});
    EXPECT_EQ(pairs.target.baseline, values.target.baseline);
    const std::vector<double> a = values.attribution.values.to_doubles();
    const std::vector<double> b = pairs.attribution.values.to_doubles();
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-9);
    const Explanation by_covers =
        explain(subject, input,
                {.method = "tree-interactions",
                 .target = "1-0",
                 .options = {{"perturbation", std::string("path-dependent")}}},
                {});
    EXPECT_TRUE(contains(by_covers.target.baseline, "path-dependent"));
}

Importance importance_of(const Subject& subject, const TableInput& table, const char* measure,
                         const char* target = "0", std::vector<Option> options = {}) {
    options.push_back({"measure", std::string(measure)});
    GlobalRequest request{.view = "tree-importance", .target = target, .options = options};
    return std::get<Importance>(global_view(subject, table, request, {}).result);
}

TEST_F(TreeSubjects, ImportanceIsTheMeanOfTheValues) {
    Subject subject = Subject::load(models / "xgboost_softprob.json");
    const TableInput table = read_table_input(subject, numbers(50));
    const trees::Ensemble& ensemble = subject.ensemble_or_null()->ensemble();
    const MatrixView<const double> rows{table.rows.as<double>().data(), 50, 5};
    const auto expect_mean = [&](const trees::TreeShapValues& values) {
        const Importance have = importance_of(subject, table, "shap", "2");
        EXPECT_EQ(have.loss, "mean-abs-shap");
        for (int64_t f = 0; f < 5; ++f) {
            double mean = 0, squares = 0;
            for (int64_t i = 0; i < 50; ++i)
                mean += std::abs(values.values[(i * 5 + f) * 4 + 2]) / 50;
            for (int64_t i = 0; i < 50; ++i)
                squares += std::pow(std::abs(values.values[(i * 5 + f) * 4 + 2]) - mean, 2);
            EXPECT_NEAR(have.values[f], mean, 1e-5);
            EXPECT_NEAR(have.standard_errors[f], std::sqrt(squares / 49 / 50), 1e-5);
        }
    };
    const trees::TreeShapOptions exact{.precision = trees::Precision::float64};
    expect_mean(trees::TreeShap(ensemble, exact).values(rows, {}));
    subject.use_background(numbers(20));
    const auto background = subject.background_matrix();
    expect_mean(trees::InterventionalShap(
                    ensemble, {background->as<double>().data(), 20, 5}, {}, exact)
                    .values(rows, {}));
}

TEST_F(TreeSubjects, ImportanceReadsTheSplits) {
    const Subject subject = Subject::load(models / "xgboost_softprob.json");
    const TableInput table = read_table_input(subject, numbers(3));
    const trees::SplitImportance splits =
        trees::split_importance(subject.ensemble_or_null()->ensemble());
    const auto values = [&](const char* measure) {
        return importance_of(subject, table, measure).values;
    };
    EXPECT_EQ(values("total-gain"), splits.gains);
    EXPECT_EQ(values("total-cover"), splits.covers);
    for (size_t f = 0; f < 5; ++f) {
        const auto count = static_cast<double>(splits.splits[f]);
        EXPECT_EQ(values("splits")[f], count);
        EXPECT_DOUBLE_EQ(values("gain")[f] * count, splits.gains[f]);
        EXPECT_DOUBLE_EQ(values("cover")[f] * count, splits.covers[f]);
    }
    const Subject catboost = Subject::load(models / "catboost_labels.json");
    Tensor row(ElementType::float64,
               {1, catboost.ensemble_or_null()->ensemble().features()});
    EXPECT_TRUE(contains(message_of(ErrorKind::unsupported,
                                    [&] {
                                        (void)importance_of(catboost, table_input(catboost, row),
                                                            "total-gain");
                                    }),
                         "catboost file holds no gains"));
}

// Decrease of a loss by each feature of one row, from all coalitions asked of the model.
std::vector<double> loss_values(const Subject& subject, std::span<const double> row,
                                const Tensor& background,
                                const std::function<double(std::span<const double>)>& loss) {
    const auto n = static_cast<int>(row.size());
    std::vector<double> worth, out(row.size(), 0);
    for (int s = 0; s < 1 << n; ++s) {
        Tensor mixed = background;
        for (int64_t b = 0; b < mixed.rows(); ++b)
            for (int j = 0; j < n; ++j)
                if (s >> j & 1) mixed.as<double>()[b * n + j] = row[j];
        const Tensor answers = subject.model().predict(Batch(mixed), {}).tensors()[0].value;
        const int64_t width = answers.row_size();
        double sum = 0;
        for (int64_t b = 0; b < mixed.rows(); ++b)
            sum += loss(answers.as<double>().subspan(b * width, width));
        worth.push_back(sum / static_cast<double>(mixed.rows()));
    }
    for (int s = 0; s < 1 << n; ++s)
        for (int j = 0; j < n; ++j) {
            if (s >> j & 1) continue;
            const int size = std::popcount(static_cast<unsigned>(s));
            const double weight =
                std::exp(std::lgamma(size + 1) + std::lgamma(n - size) - std::lgamma(n + 1));
            out[j] += weight * (worth[s] - worth[s | 1 << j]);
        }
    return out;
}

TEST_F(TreeSubjects, ImportanceIsWhatFeaturesLowerTheLossBy) {
    for (const char* file : {"xgboost_softprob.json", "lightgbm_binary.txt", "xgboost_reg_squarederror.json"}) {
        SCOPED_TRACE(file);
        Subject subject = Subject::load(models / file);
        const auto path = numbers(12);
        subject.use_background(path);
        TableInput table = read_table_input(subject, path);
        const bool classes =
            subject.ensemble_or_null()->outputs()[0].scale == Scale::probability;
        for (int i = 0; i < 12; ++i)
            table.labels.push_back(classes ? std::to_string(i % 2) : std::to_string(i * 0.25));
        const auto background = subject.background_matrix();
        std::vector<double> want(5, 0);
        double losses = 0;
        for (int64_t i = 0; i < 12; ++i) {
            const std::span<const double> row = table.rows.as<double>().subspan(i * 5, 5);
            const auto loss = [&](std::span<const double> answer) {
                return classes ? -std::log(answer[i % 2])
                               : std::pow(answer[0] - static_cast<double>(i) * 0.25, 2);
            };
            const std::vector<double> each = loss_values(subject, row, *background, loss);
            for (size_t f = 0; f < 5; ++f) want[f] += each[f] / 12;
            const Tensor answer =
                subject.model().predict(Batch(table.rows.slice_rows(i, 1)), {}).tensors()[0].value;
            losses += loss(answer.as<double>()) / 12;
        }
        const Importance have = importance_of(subject, table, "loss");
        EXPECT_EQ(have.loss, classes ? "log-loss" : "squared-error");
        EXPECT_NEAR(have.reference, losses, 1e-9);
        for (size_t f = 0; f < 5; ++f) {
            EXPECT_NEAR(have.values[f], want[f], 1e-9);
            EXPECT_GT(have.standard_errors[f] + (want[f] == 0 ? 1 : 0), 0);
        }
        table.labels[3] = "7.5";
        if (classes) {
            EXPECT_TRUE(contains(
                message_of(ErrorKind::input, [&] { (void)importance_of(subject, table, "loss"); }),
                "row 3"));
        }
        table.labels.clear();
        EXPECT_TRUE(contains(
            message_of(ErrorKind::usage, [&] { (void)importance_of(subject, table, "loss"); }),
            "labels"));
    }
}

TEST_F(TreeSubjects, ContributionsOfTreesAddUpToTheMargin) {
    for (const auto& [file, target] :
         {std::pair("xgboost_softprob.json", "2"), std::pair("xgboost_softprob.json", "margin:2-0"),
          std::pair("lightgbm_binary.txt", "1")}) {
        SCOPED_TRACE(file);
        Subject subject = Subject::load(models / file);
        const auto table = numbers(15);
        subject.use_background(table);
        const Input input = read_input(subject, table, 6);
        const auto explained = [&](const char* method, std::vector<Option> options) {
            return explain(subject, input,
                           {.method = method, .target = target, .options = std::move(options)}, {});
        };
        const Explanation each = explained("tree-contributions", {});
        const Explanation whole = explained("tree-shap", {});
        const std::vector<double> added = each.attribution.values.to_doubles();
        ASSERT_EQ(each.attribution.names.size(), added.size());
        EXPECT_NEAR(each.target.value, whole.target.value, 1e-9);
        EXPECT_LT(std::abs(*each.diagnostics.attribution_error), 1e-9);
        EXPECT_EQ(each.target.baseline, "the base score");
        // Tree by tree the values of features add up to those of the ensemble.
        std::vector<double> sums(static_cast<size_t>(whole.attribution.values.size()), 0);
        for (size_t i = 0; i < added.size(); ++i) {
            const int64_t number = std::stoll(each.attribution.names[i].substr(5));
            const Explanation one = explained("tree-contributions", {{"tree", number}});
            EXPECT_NEAR(one.target.value, added[i], 1e-9);
            EXPECT_LT(std::abs(*one.diagnostics.attribution_error), 1e-9);
            for (size_t f = 0; f < sums.size(); ++f)
                sums[f] += one.attribution.values.as<double>()[f];
        }
        for (size_t f = 0; f < sums.size(); ++f)
            EXPECT_NEAR(sums[f], whole.attribution.values.as<double>()[f], 1e-9);
        EXPECT_TRUE(
            replay(explanation_from_json(to_json(each)), whence::Run{}).differences.empty());
        EXPECT_TRUE(contains(
            message_of(ErrorKind::usage,
                       [&] { (void)explained("tree-contributions", {{"tree", int64_t{9999}}}); }),
            "does not exist"));
    }
}

// The same file with a last column that holds the truth.
std::filesystem::path with_labels(const std::filesystem::path& rows, const std::string& name,
                                  const std::vector<std::string>& labels) {
    std::string text = read_text(rows), out;
    size_t line = 0;
    for (size_t at = 0; at < text.size(); ++line) {
        const size_t end = text.find('\n', at);
        out += text.substr(at, end - at) + "," + (line == 0 ? name : labels[line - 1]) + "\n";
        at = end + 1;
    }
    const auto path = rows.parent_path() / "labelled.csv";
    write_file(path, out);
    return path;
}

TEST_F(TreeSubjects, TreeShapOfALossIsExact) {
    for (const char* file :
         {"xgboost_softprob.json", "lightgbm_binary.txt", "xgboost_reg_squarederror.json"}) {
        SCOPED_TRACE(file);
        Subject subject = Subject::load(models / file);
        const auto rows = numbers(12);
        subject.use_background(rows);
        const bool classes = subject.ensemble_or_null()->outputs()[0].scale == Scale::probability;
        std::vector<std::string> labels;
        for (int i = 0; i < 12; ++i)
            labels.push_back(classes ? std::to_string(i % 2) : std::to_string(i * 0.25));
        const auto path = with_labels(rows, "truth", labels);
        const std::string link = classes ? "log-loss" : "squared-error";
        const auto explained = [&](int64_t row, std::string label, std::string method = "tree-shap") {
            return explain(subject, read_input(subject, path, row),
                           {.method = std::move(method),
                            .options = {{"link", link}, {"label", std::move(label)}}},
                           {});
        };
        for (const int64_t row : {0, 5}) {
            const Explanation e = explained(row, "truth");
            const Tensor x = subject.background_matrix()->slice_rows(row, 1);
            const auto loss = [&](std::span<const double> answer) {
                return classes ? -std::log(answer[row % 2])
                               : std::pow(answer[0] - static_cast<double>(row) * 0.25, 2);
            };
            const std::vector<double> want =
                loss_values(subject, x.as<double>(), *subject.background_matrix(), loss);
            for (size_t f = 0; f < 5; ++f)
                EXPECT_NEAR(e.attribution.values.as<double>()[f], -want[f], 1e-9);
            const Tensor answer = subject.model().predict(Batch(x), {}).tensors()[0].value;
            EXPECT_NEAR(e.target.value, loss(answer.as<double>()), 1e-9);
            EXPECT_LT(std::abs(*e.diagnostics.attribution_error), 1e-9);
            EXPECT_TRUE(e.attribution.standard_errors.empty());
            // The label itself, and the sums of pairs, say the same.
            const Explanation named = explained(row, labels[row]);
            const Explanation pairs = explained(row, "truth", "tree-interactions");
            EXPECT_EQ(named.attribution.values, e.attribution.values);
            for (size_t f = 0; f < 5; ++f)
                EXPECT_NEAR(pairs.attribution.values.as<double>()[f], -want[f], 1e-9);
            EXPECT_TRUE(
                replay(explanation_from_json(to_json(e)), whence::Run{}).differences.empty());
        }
        for (const char* wrong : {"", "7.5x"})
            EXPECT_THROW((void)explained(0, wrong), Error) << wrong;
        if (!classes) continue;
        EXPECT_TRUE(contains(message_of(ErrorKind::input, [&] { (void)explained(0, "7"); }),
                             "none of the classes"));
        EXPECT_TRUE(contains(message_of(ErrorKind::usage,
                                        [&] {
                                            (void)explain(subject, read_input(subject, path, 0),
                                                          {.method = "tree-shap",
                                                           .target = "1",
                                                           .options = {{"link", link},
                                                                       {"label", std::string("0")}}},
                                                          {});
                                        }),
                             "leave the target out"));
        const Subject bare = Subject::load(models / file);
        EXPECT_TRUE(contains(message_of(ErrorKind::unsupported,
                                        [&] {
                                            (void)explain(bare, read_input(bare, rows, 0),
                                                          {.method = "tree-shap",
                                                           .options = {{"link", link},
                                                                       {"label", std::string("0")}}},
                                                          {});
                                        }),
                             "--background"));
    }
}

TEST_F(TreeSubjects, TreeShapOfALossIsSampledWhereFeaturesAreMany) {
    constexpr int columns = 20;
    Subject subject = Subject::load(write("stumps.txt", many_stumps(columns)));
    const auto rows = write("stumps.csv", rows_of_stumps(columns));
    subject.use_background(rows);
    const auto with = [&](const char* label) {
        return explain(subject, read_input(subject, rows, 0),
                       {.method = "tree-shap",
                        .options = {{"link", std::string("log-loss")}, {"label", std::string(label)}}},
                       {.seed = 3});
    };
    const Explanation zero = with("0"), one = with("1");
    ASSERT_EQ(one.attribution.standard_errors.size(), columns);
    // -log p and -log (1 - p) differ by the margin, whose values are known.
    const Explanation margin = explain(subject, read_input(subject, rows, 0),
                                       {.method = "tree-shap", .target = "1"}, {});
    for (int c = 0; c < columns; ++c)
        EXPECT_NEAR(zero.attribution.values.as<double>()[c] -
                        one.attribution.values.as<double>()[c],
                    margin.attribution.values.as<double>()[c],
                    5 * std::hypot(zero.attribution.standard_errors[c],
                                   one.attribution.standard_errors[c]) +
                        1e-9);
}

TEST_F(TreeSubjects, TreeShapSaysWhatItCannot) {
    const Subject subject = Subject::load(models / "xgboost_binary_logistic.json");
    const Input input = read_input(subject, numbers(10), 4);
    const auto refused = [&](ErrorKind kind, const Recipe& recipe, const char* part) {
        EXPECT_TRUE(contains(message_of(kind, [&] { (void)explain(subject, input, recipe, {}); }), part))
            << part;
    };
    for (const char* method : {"tree-shap", "tree-interactions"}) {
        refused(ErrorKind::unsupported, {.method = method, .scale = Scale::probability}, "margins");
        refused(ErrorKind::unsupported, {.method = method, .target = "probabilities:1"}, "--background");
    }
    refused(ErrorKind::usage,
            {.method = "tree-shap", .options = {{"perturbation", std::string("interventional")}}},
            "--background");
    refused(ErrorKind::usage,
            {.method = "tree-shap", .options = {{"perturbation", std::string("x")}}}, "choose from");
    const Explanation against =
        explain(subject, input, {.method = "tree-shap", .target = "0"}, {});
    ASSERT_FALSE(against.diagnostics.notes.empty());
    EXPECT_TRUE(contains(against.diagnostics.notes[0], "speaks against"));
    const Subject& network = test::table_subject();
    EXPECT_TRUE(contains(message_of(ErrorKind::usage,
                                    [&] {
                                        (void)explain(network, test::row(0), {.method = "tree-shap"}, {});
                                    }),
                         "kernel-shap"));
}

}  // namespace
}  // namespace whence::recipe
