#include "whence/recipe/global.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include "recipe/support.h"
#include "whence/core/function_model.h"

namespace whence::recipe::test {
namespace {

const std::filesystem::path table_file = examples / "data/breast_cancer.csv";

const TableInput& labelled() {
    static const TableInput table = read_table_input(table_subject(), table_file, "diagnosis");
    return table;
}

GlobalView view_of(const std::string& view, GlobalRequest request = {}) {
    request.view = view;
    request.target = "malignant";
    return global_view(table_subject(), labelled(), request, whence::Run{});
}

TEST(Global, EveryViewIsMadeAndCounted) {
    const int64_t rows = labelled().rows.rows();
    for (const ViewSpec& view : views()) {
        GlobalRequest request;
        if (view.by_feature) request.features = {"worst radius", "mean texture"};
        if (view.name == "tree-importance") {  // of tree ensembles: recipe_trees_test.cpp
            EXPECT_NE(message_of(ErrorKind::usage, [&] { (void)view_of(view.name); })
                          .find("is none"),
                      std::string::npos);
            continue;
        }
        const GlobalView found = view_of(view.name, request);
        EXPECT_EQ(found.view, view.name);
        EXPECT_EQ(found.target.label, "malignant");
        EXPECT_GE(found.provenance.evaluations, found.rows) << view.name;
        EXPECT_EQ(found.provenance.options.size(), view.options.size());
        EXPECT_EQ(to_json(found).front(), '{');
    }
    EXPECT_EQ(view_of("importance", {.features = {"worst radius"}}).provenance.evaluations,
              rows * (1 + 5));
    EXPECT_EQ(view_of("ale", {.features = {"worst radius"}}).provenance.evaluations, rows * 2);
}

// The error rate before anything is shuffled is that of the model, counted by hand.
TEST(Global, LabelsAreClassesByName) {
    const GlobalView view = view_of("importance", {.features = {"worst radius"}});
    const Importance& found = std::get<Importance>(view.result);
    EXPECT_EQ(found.loss, "error-rate");
    int64_t wrong = 0;
    const std::vector<Input> inputs = read_inputs(table_subject(), table_file);
    for (size_t i = 0; i < inputs.size(); ++i) {
        const Explanation e =
            explain(table_subject(), inputs[i], {.method = "saliency"}, whence::Run{});
        wrong += e.target.label != labelled().labels[i];
    }
    EXPECT_NEAR(found.reference, static_cast<double>(wrong) / static_cast<double>(inputs.size()),
                1e-12);
    TableInput unlabelled = labelled();
    unlabelled.labels.clear();
    const GlobalView change =
        global_view(table_subject(), unlabelled,
                    {.view = "importance", .features = {"worst radius"}}, whence::Run{});
    EXPECT_EQ(std::get<Importance>(change.result).loss, "prediction-change");
    ASSERT_GE(change.notes.size(), 2U);
    EXPECT_TRUE(contains(change.notes[0], "top class of the first row"));
}

TEST(Global, SamplesAndNamesRows) {
    const GlobalView view =
        view_of("ice", {.features = {"worst radius"},
                        .options = {{"sample", int64_t{7}}, {"points", int64_t{4}}},
                        .seed = 3});
    const Curve& curve = std::get<Curves>(view.result).curves.at(0);
    EXPECT_EQ(view.rows, 7);
    ASSERT_EQ(curve.rows.size(), 7U);
    EXPECT_EQ(view.provenance.evaluations, 7 * 4);
    EXPECT_TRUE(contains(view.notes[0], "7 of ")) << view.notes[0];
    // The line of a row at its own value's place is what the model says of the row: asked again.
    const Explanation e = explain(
        table_subject(), row(curve.rows[2]),
        {.method = "saliency", .target = "malignant", .scale = Scale::probability}, whence::Run{});
    const auto [low, high] = std::ranges::minmax(curve.lines[2]);
    EXPECT_LE(low - 1e-5, e.target.value);
    EXPECT_GE(high + 1e-5, e.target.value);
}

TEST(Global, WarnsOfColumnsThatGoTogether) {
    const GlobalView view = view_of("dependence", {.features = {"worst radius"}});
    EXPECT_TRUE(std::ranges::any_of(
        view.notes, [](const std::string& note) { return contains(note, "correlation 0.9"); }));
    for (const std::string& note : view_of("ale", {.features = {"worst radius"}}).notes)
        EXPECT_FALSE(contains(note, "correlation"));
}

TEST(Global, SurrogatesHaveFidelity) {
    const GlobalView view = view_of("surrogate-tree");
    const Fidelity& fidelity = std::get<SurrogateTree>(view.result).fidelity;
    EXPECT_TRUE(fidelity.held_out);
    EXPECT_GT(*fidelity.r2, 0.5);
    EXPECT_GT(*fidelity.agreement, 0.8);
}

TEST(Global, ReadsATableWithItsLabelWithoutPreprocessing) {
    const auto file = std::filesystem::temp_directory_path() / "whence_recipe_global.csv";
    std::ofstream(file) << "a,b,y\n1,2,3\n4,5,9\n2,1,3\n";
    const Subject sum = Subject::of(
        std::make_shared<FunctionModel>(TensorInfo{"x", ElementType::float64, {-1, 2}},
                                        TensorInfo{"y", ElementType::float64, {-1, 1}},
                                        [](const Tensor& rows, const whence::Run&) {
                                            Tensor out(ElementType::float64, {rows.rows(), 1});
                                            for (int64_t i = 0; i < rows.rows(); ++i)
                                                out.as<double>()[i] = rows.as<double>()[2 * i] +
                                                                      rows.as<double>()[2 * i + 1];
                                            return out;
                                        }),
        "sum");
    const TableInput table = read_table_input(sum, file, "y");
    EXPECT_EQ(table.schema.size(), 2U);
    const GlobalView view = global_view(sum, table, {.view = "importance"}, whence::Run{});
    EXPECT_EQ(std::get<Importance>(view.result).loss, "squared-error");
    EXPECT_EQ(std::get<Importance>(view.result).reference, 0);
    std::filesystem::remove(file);
}

TEST(Global, SaysWhatIsWrong) {
    EXPECT_TRUE(contains(message_of(ErrorKind::usage, [] { view_of("impotance"); }),
                         "did you mean 'importance'"));
    EXPECT_TRUE(contains(
        message_of(ErrorKind::usage, [] { view_of("ale", {.features = {"worst radios"}}); }),
        "did you mean 'worst radius'"));
    EXPECT_TRUE(contains(
        message_of(ErrorKind::usage, [] { view_of("rules", {.features = {"worst radius"}}); }),
        "looks at all features"));
    EXPECT_TRUE(contains(message_of(ErrorKind::usage,
                                    [] {
                                        view_of("ale", {.options = {{"terms", int64_t{3}}}});
                                    }),
                         "ale has no option 'terms'"));
    EXPECT_TRUE(contains(
        message_of(
            ErrorKind::usage,
            [] { static_cast<void>(read_table_input(table_subject(), table_file, "diagnoses")); }),
        "did you mean 'diagnosis'"));
    TableInput unlabelled = labelled();
    unlabelled.labels.clear();
    EXPECT_TRUE(contains(
        message_of(ErrorKind::usage,
                   [&] {
                       static_cast<void>(global_view(
                           table_subject(), unlabelled,
                           {.view = "importance", .options = {{"loss", std::string("log-loss")}}},
                           whence::Run{}));
                   }),
        "needs labels"));
    unlabelled.labels.assign(3, "benign");
    EXPECT_TRUE(contains(message_of(ErrorKind::input,
                                    [&] {
                                        static_cast<void>(global_view(table_subject(), unlabelled,
                                                                      {.view = "importance"},
                                                                      whence::Run{}));
                                    }),
                         "there are 3 labels"));
}

TEST(Global, SameOnAnyNumberOfThreads) {
    for (const char* name : {"importance", "interaction", "rules"}) {
        GlobalRequest request{.view = name, .target = "malignant"};
        if (std::string(name) != "rules")
            request.features = {"worst radius", "mean texture", "worst area"};
        const auto json = [&](int threads) {
            GlobalView view =
                global_view(table_subject(), labelled(), request, {.threads = threads});
            view.provenance.seconds = 0;
            return to_json(view);
        };
        const std::string one = json(1);
        EXPECT_EQ(one, json(2)) << name;
        EXPECT_EQ(one, json(8)) << name;
    }
}

}  // namespace
}  // namespace whence::recipe::test
