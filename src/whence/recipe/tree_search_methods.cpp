// Methods that search the boxes of a tree ensemble's leaves: answers with a proof.

#include "whence/anchors/tree_anchors.h"
#include "whence/core/error.h"
#include "whence/counterfactual/tree.h"
#include "whence/recipe/counterfactual_options.h"
#include "whence/recipe/input_trees.h"
#include "whence/recipe/method_table.h"

namespace whence::recipe {
namespace {

/// The trees that are searched: over the columns of the table, whatever encodes them.
struct Searched {
    Searched(const Task& task, const std::string& method, const std::string& otherwise) {
        if (!holds_trees(task.subject))
            throw Error(ErrorKind::usage,
                        method +
                            " searches the trees of an ensemble (XGBoost, LightGBM, CatBoost, or a "
                            "tree node in ONNX), and this model is none; " +
                            otherwise + " asks any model");
        need_row(task, method.c_str());
        held = kept_trees(task.subject, task.input.schema, std::ssize(task.input.schema));
        trees = kept_input_trees(task.subject, task.input.schema, *task.input.row, task.run);
        if (!held->changed_by().empty())
            throw Error(ErrorKind::unsupported,
                        "what the model answers is made of its trees' answers by " +
                            printable(held->changed_by(), 200) + "; " + otherwise +
                            " asks any model");
        target = held->target_of(task.target, task.subject);
        trees->require_same(*task.input.row, task.run);
    }

    [[nodiscard]] const trees::EnsembleModel& model() const { return trees->model(); }
    /// Says whose trees they are, and that they were read over these columns.
    void state_notes(Explanation& explanation) const {
        if (!held->encodes()) return;
        std::vector<std::string>& notes = explanation.diagnostics.notes;
        notes.push_back(held->notes().front());
        notes.emplace_back(
            "their splits were rewritten as splits on the columns of the table; what is found "
            "is a change of these");
    }

    std::shared_ptr<const HeldTrees> held;
    std::shared_ptr<const InputTrees> trees;
    Target target;
};

// The background's rows, or none.
std::shared_ptr<const Tensor> rows_of(const Task& task) {
    if (task.subject.background()) return task.subject.background_matrix();
    const auto columns = static_cast<int64_t>(task.input.schema.size());
    return std::make_shared<const Tensor>(ElementType::float64, Shape{0, columns});
}

TreeCounterfactualOptions::Objective objective_of(const Task& task) {
    const auto& name = task.options.get<std::string>("objective");
    if (name == "distance") return TreeCounterfactualOptions::Objective::distance;
    if (name == "changes") return TreeCounterfactualOptions::Objective::changes;
    throw Error(ErrorKind::usage,
                "no objective '" + printable(name) + "'; choose from distance, changes");
}

Explanation tree_counterfactual(const Task& task) {
    const Searched searched(task, "tree-counterfactual", "counterfactuals");
    const auto rows = rows_of(task);
    TreeCounterfactualOptions options{.wanted = wanted_of(task),
                                      .constraints = constraints_of(task, *rows),
                                      .objective = objective_of(task),
                                      .keep_decimals = task.options.get<bool>("keep-decimals"),
                                      .budget = task.options.get<int64_t>("budget"),
                                      .classes = task.subject.classes(),
                                      .whole = searched.trees->whole()};
    const Schema& schema = task.input.schema;
    const auto features = task.subject.kept<counterfactual::Features>(
        "tree-counterfactual " + task.options.get<std::string>("one-hot"), schema, [&] {
            return counterfactual::read_features(schema, *rows, options.constraints.one_hot, true);
        });
    Explanation explanation = TreeCounterfactual(searched.model(), features, std::move(options))
                                  .explain(Batch(*task.input.row), searched.target, task.run);
    for (const Counterfactual& found : explanation.counterfactuals->found)
        searched.trees->require_same(found.values, task.run);
    searched.state_notes(explanation);
    if (!task.subject.background())
        explanation.diagnostics.notes.emplace_back(
            "no background: one unit of a column counts as one MAD, and nothing says which rows "
            "occur");
    return explanation;
}

Explanation tree_anchors(const Task& task) {
    const Searched searched(task, "tree-anchors", "anchors");
    const TreeAnchorOptions options{
        .within = task.options.get<double>("within"),
        .widen = task.options.get<bool>("widen"),
        .missing = parse_missing(task.options.get<std::string>("missing")),
        .budget = task.options.get<int64_t>("budget")};
    Explanation explanation =
        TreeAnchors(searched.model(), task.input.schema, rows_of(task), options)
            .explain(Batch(*task.input.row), searched.target, task.run);
    searched.state_notes(explanation);
    return explanation;
}

const OptionSpec budget_option{{"budget", int64_t{1000000}},
                               "boxes of leaves that may be bounded in all"};

}  // namespace

std::vector<MethodSpec> tree_search_methods() {
    const TreeAnchorOptions anchors;
    return {
        {.name = "tree-counterfactual",
         .summary = "the nearest row to which a tree ensemble gives another answer, proven minimal",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = with_common(
             {{{"objective", std::string("distance")},
               "what is least: distance (sum of |change| / MAD), or changes (features that change; "
               "of those the nearest)"},
              {{"keep-decimals", true},
               "numbers keep the decimals of the background; without: the first number behind a "
               "threshold"},
              budget_option,
              seconds_option()}),
         .explain = tree_counterfactual},
        {.name = "tree-anchors",
         .summary =
             "a rule that suffices for a tree ensemble's prediction, proven, with none to spare",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = {{{"within", anchors.within},
                      "outputs of one number: how far from this one is still the same prediction"},
                     {{"widen", anchors.widen}, "widen intervals as far as thresholds permit"},
                     {{"missing", std::string("auto")},
                      "columns whose value may be missing: all, none, or auto (those of which the "
                      "background misses some; all without a background)"},
                     budget_option,
                     seconds_option()},
         .explain = tree_anchors},
    };
}

}  // namespace whence::recipe
