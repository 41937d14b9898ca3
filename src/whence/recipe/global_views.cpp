#include "whence/recipe/global_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "whence/core/error.h"
#include "whence/global/curves.h"
#include "whence/global/importance.h"
#include "whence/global/interaction.h"
#include "whence/recipe/closest.h"
#include "whence/surrogate/linear.h"
#include "whence/surrogate/rules.h"

namespace whence::recipe {
namespace {

double number_of(const std::string& label, size_t row) {
    double out = 0;
    const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), out);
    if (error != std::errc() || end != label.data() + label.size())
        throw Error(ErrorKind::input,
                    fmt::format("row {}: the label '{}' is no number{}", row, printable(label),
                                label.empty() ? " (missing)" : ""));
    return out;
}

}  // namespace

std::vector<double> numbers_of(const ViewTask& view, bool classes) {
    const bool named = classes && !view.classes.empty() &&
                       std::ranges::all_of(view.labels, [&](const std::string& label) {
                           return std::ranges::find(view.classes, label) != view.classes.end();
                       });
    std::vector<double> out;
    for (size_t row = 0; row < view.labels.size(); ++row)
        out.push_back(named
                          ? static_cast<double>(std::ranges::find(view.classes, view.labels[row]) -
                                                view.classes.begin())
                          : number_of(view.labels[row], row));
    return out;
}

namespace {

Result importance(const ViewTask& view) {
    const ResolvedTarget& target = view.task.target;
    const bool classes = target.classes > 1 || target.output_scale != Scale::raw;
    std::string loss = view.options.get<std::string>("loss");
    if (loss == "auto")
        loss = view.labels.empty() ? "prediction-change" : classes ? "error-rate" : "squared-error";
    global::ImportanceOptions options{.loss = global::parse_loss(loss),
                                      .repeats = view.options.get<int64_t>("repeats")};
    if (options.loss == global::Loss::prediction_change) {
        view.notes.emplace_back(
            "no labels are used: the importance is how far the prediction moves, not how much "
            "worse "
            "it gets");
    } else {
        if (view.labels.empty())
            throw Error(ErrorKind::usage, "the loss " + loss + " needs labels: name their column");
        options.labels = numbers_of(view, options.loss != global::Loss::squared_error);
    }
    return global::importance(view.task, view.features, options, view.run);
}

global::CurveOptions curve_options(const ViewTask& view) {
    return {.grid = global::parse_grid(view.options.get<std::string>("grid")),
            .points = view.options.get<int64_t>("points")};
}

void note_missing(const ViewTask& view, const Curve& curve, const char* what) {
    const std::vector<double> column = view.task.column(curve.feature);
    const auto missing = std::ranges::count_if(column, [](double v) { return std::isnan(v); });
    if (missing > 0)
        view.notes.push_back(fmt::format("{}: {} of {} rows have no value in this column; {}",
                                         printable(view.task.schema[curve.feature].name), missing,
                                         column.size(), what));
}

Result dependences(const ViewTask& view, bool lines) {
    global::CurveOptions options = curve_options(view);
    options.centered = lines && view.options.get<bool>("centered");
    Curves out{.centered = options.centered};
    for (const int64_t feature : view.features) {
        Curve curve = global::dependence(view.task, feature, options, view.run);
        note_missing(view, curve, "the curve is what they would get with one");
        for (int64_t& row : curve.rows) row = view.sample[row];
        if (!lines) curve.rows.clear(), curve.lines.clear();
        out.curves.push_back(std::move(curve));
    }
    return out;
}

Result dependence(const ViewTask& view) {
    return dependences(view, false);
}
Result ice(const ViewTask& view) {
    return dependences(view, true);
}

Result ale(const ViewTask& view) {
    Curves out;
    for (const int64_t feature : view.features) {
        out.curves.push_back(
            global::accumulated_effects(view.task, feature, curve_options(view), view.run));
        note_missing(view, out.curves.back(), "they are left out");
        if (view.task.schema[feature].categorical())
            view.notes.push_back(printable(view.task.schema[feature].name) +
                                 ": categories stand in the order of their codes, and the effects "
                                 "are between neighbours in it");
    }
    return out;
}

Result interaction(const ViewTask& view) {
    return global::interaction(view.task, view.features,
                               {.top = view.options.get<int64_t>("top-pairs")}, view.run);
}

// What the model says of the rows, for a surrogate to learn.
struct Lesson {
    explicit Lesson(const ViewTask& view)
        : values(global::predictions(view.task, view.run)),
          answers{.schema = view.task.schema,
                  .rows = view.task.rows,
                  .values = values,
                  .weights = {},
                  .probabilities =
                      view.task.target.scale == Scale::probability && !view.task.target.minus},
          split(surrogate::split_rows(view.task.rows.rows(), view.run)) {
        if (!split.held_out)
            view.notes.emplace_back(
                "fewer than 20 rows: none is held out, and the fidelity is that of the rows "
                "learned "
                "from");
    }
    std::vector<double> values;
    surrogate::Answers answers;
    surrogate::Split split;
};

surrogate::TreeOptions tree_options(const ViewTask& view) {
    return {.max_depth = view.options.get<int64_t>("max-depth"),
            .max_leaves = view.options.get<int64_t>("max-leaves"),
            .min_rows = view.options.get<int64_t>("min-rows")};
}

Result surrogate_tree(const ViewTask& view) {
    const Lesson lesson(view);
    return surrogate::fit_tree(lesson.answers, lesson.split, tree_options(view), view.run);
}
Result rules(const ViewTask& view) {
    const Lesson lesson(view);
    return surrogate::fit_rules(
        lesson.answers, lesson.split,
        {.tree = tree_options(view), .tolerance = view.options.get<double>("tolerance")}, view.run);
}
Result surrogate_linear(const ViewTask& view) {
    const Lesson lesson(view);
    return surrogate::fit_linear(lesson.answers, lesson.split,
                                 {.terms = view.options.get<int64_t>("terms")}, view.run);
}

OptionSpec sample(int64_t rows) {
    return {{"sample", rows}, "rows used, drawn with the seed; 0: all"};
}

std::vector<ViewRow> make_rows() {
    const OptionSpec grid = {{"grid", std::string("quantiles")},
                             "where the curve is looked at: quantiles or equal steps (equal)"},
                     points = {{"points", int64_t{20}}, "of the grid"};
    const std::vector<OptionSpec> tree = {
        sample(0),
        {{"max-depth", int64_t{4}}, "tests on a path of the tree"},
        {{"max-leaves", int64_t{16}}, "leaves of the tree"},
        {{"min-rows", int64_t{5}}, "training rows in each leaf"}};
    std::vector<OptionSpec> of_rules = tree;
    of_rules.push_back(
        {{"tolerance", 0.001}, "share of the variance that leaving out conditions may cost"});
    return {
        {{"importance",
          "what is lost when a column is shuffled (permutation importance)",
          {sample(0),
           {{"repeats", int64_t{5}}, "shuffles of each column"},
           {{"loss", std::string("auto")},
            "error-rate, log-loss, squared-error or prediction-change; auto: error-rate for "
            "classes, "
            "squared-error for numbers, prediction-change without labels"}}},
         importance,
         true},
        {{"dependence",
          "the mean prediction against a feature (partial dependence)",
          {sample(1000), grid, points}},
         dependence,
         true},
        {{"ice",
          "the prediction of each row against a feature (individual conditional expectation)",
          {sample(200), grid, points, {{"centered", false}, "every line begins at 0"}}},
         ice,
         true},
        {{"ale",
          "accumulated local effects: as dependence, but only where the data are",
          {sample(0), grid, points}},
         ale},
        {{"interaction",
          "how much features do only together (Friedman's H)",
          {sample(50), {{"top-pairs", int64_t{10}}, "features whose pairs are measured"}}},
         interaction,
         true},
        {{"surrogate-tree", "a decision tree that stands for the model", tree, false},
         surrogate_tree},
        {{"rules", "a list of rules that stands for the model", of_rules, false}, rules},
        {{"surrogate-linear",
          "a sparse linear model that stands for the model",
          {sample(0), {{"terms", int64_t{8}}, "of the linear model"}},
          false},
         surrogate_linear},
        tree_importance_row(),
    };
}

}  // namespace

const std::vector<ViewRow>& view_rows() {
    static const std::vector<ViewRow> all = make_rows();
    return all;
}

const std::vector<ViewSpec>& views() {
    static const std::vector<ViewSpec> all = [] {
        std::vector<ViewSpec> out;
        for (const ViewRow& row : view_rows()) out.push_back(row.spec);
        return out;
    }();
    return all;
}

const ViewSpec& find_view(std::string_view name) {
    std::string have;
    std::vector<std::string> names;
    for (const ViewSpec& view : views()) {
        if (view.name == name) return view;
        have += (have.empty() ? "" : ", ") + view.name;
        names.push_back(view.name);
    }
    const std::string meant = did_you_mean(name, names);
    throw Error(ErrorKind::usage, "no view '" + printable(name) + "'" +
                                      (meant.empty() ? "; there are " + have : meant));
}

}  // namespace whence::recipe
