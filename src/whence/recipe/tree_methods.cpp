// Exact values of tree ensembles, from the trees themselves.

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/recipe/method_table.h"
#include "whence/recipe/rows.h"
#include "whence/recipe/tree_games.h"
#include "whence/trees/shap/interactions.h"
#include "whence/trees/shap/interventional.h"
#include "whence/trees/shap/interventional_interactions.h"

namespace whence::recipe {
namespace {

// A margin, or the difference of two.
struct Wanted {
    ResolvedTarget target;
    std::string note;  // where the class that was asked for has no margin of its own

    [[nodiscard]] double of(const double* outputs) const {
        return outputs[target.index] - (target.minus ? outputs[*target.minus] : 0);
    }
    /// Of the subject's columns, from the values of the trees' features, [features, outputs].
    [[nodiscard]] std::vector<double> by_column(const HeldTrees& trees, const double* values,
                                                int64_t outputs) const {
        std::vector<double> out;
        for (const int64_t feature : trees.feature_of_column())
            out.push_back(feature < 0 ? 0 : of(values + feature * outputs));
        return out;
    }
};

Wanted wanted_of(const Task& task, const HeldRow& held) {
    const trees::EnsembleModel& model = held.model();
    Target target = held.target;
    // The second of two classes is all there is: it is asked for by either name.
    const bool second = held.trees->classes() == 2 && model.outputs()[0].shape.back() == 1;
    if (second && target.minus)
        throw Error(ErrorKind::usage, "the model has one margin: there is no difference");
    if (second && target.index == 1) target.index = 0;
    const ResolvedTarget asked = resolve(target, model, held.batch(), Scale::raw, task.run);
    Wanted wanted{.target = margin_of(asked, model)};
    if (wanted.target.classes == 1 && (second               ? held.target.index
                                       : asked.classes == 2 ? asked.index
                                                            : 1) == 0)
        wanted.note = "the margin speaks for " + task.subject.label(1) +
                      ": what is positive speaks against " + task.subject.label(0);
    return wanted;
}

bool interventional(const Subject& subject, const OptionValues& options) {
    const auto how = options.get<std::string>("perturbation");
    if (how == "path-dependent") return false;
    if (how != "auto" && how != "interventional")
        throw Error(ErrorKind::usage, "no perturbation '" + printable(how) +
                                          "'; choose from auto, path-dependent, interventional");
    if (how == "interventional" && !subject.background())
        throw Error(ErrorKind::usage, "interventional values need --background rows");
    return subject.background() != nullptr;
}

// Trees add up to margins; probabilities are no sum, and the covers say nothing of them.
void require_background(const Task& task, const Target& target) {
    if (interventional(task.subject, task.options)) return;
    if (asks_loss(task))
        throw Error(
            ErrorKind::unsupported,
            "by their covers trees add up to margins, not to a loss: give --background rows "
            "(interventional) to explain it");
    const bool scaled = target.scale != Scale::automatic && target.scale != Scale::raw;
    throw Error(ErrorKind::unsupported,
                fmt::format("by their covers trees add up to margins (scale raw), not to {}: give "
                            "--background rows (interventional) to explain it",
                            scaled ? "a " + std::string(name(target.scale))
                                   : "'" + printable(target.output) + "'"));
}

trees::TreeIndex index_of(const OptionValues& options) {
    const auto index = options.get<std::string>("index");
    if (index == "shapley") return trees::TreeIndex::shapley;
    if (index == "banzhaf") return trees::TreeIndex::banzhaf;
    throw Error(ErrorKind::usage,
                "no index '" + printable(index) + "'; choose from shapley, banzhaf");
}

MatrixView<const double> view_of(const Tensor& rows) {
    return {rows.as<double>().data(), rows.rows(), rows.row_size()};
}

// Margins, values and where they start from, of the scalar that is wanted.
Explanation explanation_of(const Wanted& wanted, std::vector<double> values, double margin,
                           double expected, std::string baseline) {
    Explanation explanation;
    const auto features = static_cast<int64_t>(values.size());
    explanation.attribution.values = Tensor::of<double>({features}, values);
    explanation.target = {.resolved = wanted.target,
                          .value = margin,
                          .baseline = std::move(baseline),
                          .baseline_value = expected};
    if (!wanted.note.empty()) explanation.diagnostics.notes.push_back(wanted.note);
    return explanation;
}

void state_notes(const HeldTrees& trees, Explanation& explanation) {
    for (const std::string& note : trees.notes()) explanation.diagnostics.notes.push_back(note);
}

void state_provenance(const Task& task, std::chrono::steady_clock::time_point start,
                      Explanation& explanation) {
    explanation.provenance.version = version();
    explanation.provenance.evaluations = task.target.index ? 1 : 2;
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What absent features follow, in words.
std::string absent(const Task& task, bool background) {
    return background ? fmt::format("{} background rows (interventional)",
                                    task.subject.background_matrix()->rows())
                      : "the training rows, as the covers of the nodes tell (path-dependent)";
}

// The values of rows as the trees read them, each [features, outputs].
struct TreeQuestion {
    const Subject& subject;
    const Schema& schema;
    const OptionValues& options;
    const HeldTrees& trees;

    [[nodiscard]] trees::TreeShapValues ask(const Tensor& rows, const Run& run) const {
        const trees::Ensemble& ensemble = trees.model().ensemble();
        const trees::TreeShapOptions how{.index = index_of(options),
                                         .precision = trees::Precision::float64};
        const std::string key = "tree-shap " + options.get<std::string>("index");
        if (!interventional(subject, options))
            return subject
                .kept<trees::TreeShap>(
                    key, schema,
                    [&] { return std::make_shared<const trees::TreeShap>(ensemble, how); })
                ->values(view_of(rows), run);
        const auto background = subject.background_matrix();
        return subject
            .kept<trees::InterventionalShap>(
                key + " background", schema,
                [&] {
                    return std::make_shared<const trees::InterventionalShap>(
                        ensemble, view_of(trees.encoded(*background, run)),
                        std::span<const double>(), how);
                })
            ->values(view_of(rows), run);
    }
};

Explanation tree_shap(const Task& task) {
    const auto start = std::chrono::steady_clock::now();
    const HeldRow held(task);
    static_cast<void>(index_of(task.options));
    if (asks_loss(task) || asks_behind_link(held)) {
        require_background(task, held.target);
        Explanation explanation = explain_behind_link(task, held, false);
        state_notes(*held.trees, explanation);
        return explanation;
    }
    const Wanted wanted = wanted_of(task, held);
    const bool background = interventional(task.subject, task.options);
    const trees::TreeShapValues found =
        TreeQuestion{task.subject, task.input.schema, task.options, *held.trees}.ask(held.row,
                                                                                     task.run);
    Explanation explanation =
        explanation_of(wanted, wanted.by_column(*held.trees, found.values.data(), found.outputs),
                       wanted.of(found.margins.data()), wanted.of(found.expected.data()),
                       absent(task, background));
    state_notes(*held.trees, explanation);
    if (index_of(task.options) == trees::TreeIndex::banzhaf)
        explanation.diagnostics.no_error_because = "Banzhaf values do not add up to a difference";
    else
        state_attribution_error(explanation);
    state_provenance(task, start, explanation);
    return explanation;
}

class TreeShapRows final : public RowsExplainer {
  public:
    TreeShapRows(const RowsTask& task, std::shared_ptr<const HeldTrees> trees)
        : subject_(task.subject),
          schema_(task.schema),
          options_(task.options),
          trees_(std::move(trees)),
          wanted_{.target = task.example.target.resolved} {}

    RowsValues explain(const Tensor& rows, const Run& run) const override {
        const trees::TreeShapValues found =
            TreeQuestion{subject_, schema_, options_, *trees_}.ask(trees_->encoded(rows, run), run);
        RowsValues out{.base_value = wanted_.of(found.expected.data())};
        out.values.reserve(found.rows * trees_->feature_of_column().size());
        const bool adds_up = index_of(options_) == trees::TreeIndex::shapley;
        for (int64_t row = 0; row < found.rows; ++row) {
            const std::vector<double> values = wanted_.by_column(
                *trees_, found.values.data() + row * found.features * found.outputs, found.outputs);
            const double margin = wanted_.of(found.margins.data() + row * found.outputs);
            const double sum = std::accumulate(values.begin(), values.end(), 0.0);
            out.values.insert(out.values.end(), values.begin(), values.end());
            out.predictions.push_back(margin);
            out.errors.push_back(adds_up ? sum - (margin - out.base_value) : std::nan(""));
        }
        return out;
    }
    // The row read and converted, and as the trees read it; values of all outputs and of the one
    // that is wanted.
    int64_t bytes_per_row() const override {
        const trees::Ensemble& ensemble = trees_->model().ensemble();
        return 8 * (4 * std::ssize(schema_) +
                    ensemble.features() * (ensemble.outputs() + (trees_->encodes() ? 3 : 0)));
    }

  private:
    const Subject& subject_;
    Schema schema_;
    OptionValues options_;
    std::shared_ptr<const HeldTrees> trees_;
    Wanted wanted_;
};

std::shared_ptr<const RowsExplainer> tree_shap_rows(const RowsTask& task) {
    auto trees = kept_trees(task.subject, task.schema, std::ssize(task.schema));
    // What is behind the link is no sum over trees, nor is what it costs: row by row.
    if (task.options.get<std::string>("link") != "identity") return nullptr;
    const TensorInfo& margin = trees->model().outputs().back();
    if (task.example.target.resolved.output != margin.name) return nullptr;
    return std::make_shared<const TreeShapRows>(task, std::move(trees));
}

trees::TreeInteractionValues pairs_of(const Task& task, const HeldRow& held, bool background) {
    const trees::Ensemble& ensemble = held.model().ensemble();
    const trees::TreeInteractionsOptions options{.precision = trees::Precision::float64};
    const auto row = view_of(held.row);
    if (!background)
        return task.subject
            .kept<trees::TreeInteractions>(
                "tree-interactions", task.input.schema,
                [&] { return std::make_shared<const trees::TreeInteractions>(ensemble, options); })
            ->values(row, task.run);
    const auto rows = task.subject.background_matrix();
    return task.subject
        .kept<trees::InterventionalInteractions>(
            "tree-interactions background", task.input.schema,
            [&] {
                return std::make_shared<const trees::InterventionalInteractions>(
                    ensemble, view_of(held.trees->encoded(*rows, task.run)),
                    std::span<const double>(), options);
            })
        ->values(row, task.run);
}

Explanation tree_interactions(const Task& task) {
    const auto start = std::chrono::steady_clock::now();
    const HeldRow held(task);
    if (asks_loss(task) || asks_behind_link(held)) {
        require_background(task, held.target);
        Explanation explanation = explain_behind_link(task, held, true);
        state_notes(*held.trees, explanation);
        return explanation;
    }
    const Wanted wanted = wanted_of(task, held);
    const bool background = interventional(task.subject, task.options);
    const trees::TreeInteractionValues found = pairs_of(task, held, background);
    const auto columns = std::ssize(held.trees->feature_of_column());
    std::vector<double> pairs, sums;
    for (const int64_t feature : held.trees->feature_of_column()) {
        std::vector<double> row(static_cast<size_t>(columns), 0.0);
        if (feature >= 0)
            row = wanted.by_column(*held.trees,
                                   found.values.data() + feature * found.features * found.outputs,
                                   found.outputs);
        pairs.insert(pairs.end(), row.begin(), row.end());
        sums.push_back(std::accumulate(row.begin(), row.end(), 0.0));
    }
    Explanation explanation =
        explanation_of(wanted, std::move(sums), wanted.of(found.margins.data()),
                       wanted.of(found.expected.data()), absent(task, background));
    explanation.interactions =
        Interactions{.values = Tensor::of<double>({columns, columns}, pairs)};
    state_notes(*held.trees, explanation);
    state_attribution_error(explanation);
    state_provenance(task, start, explanation);
    return explanation;
}

// What each tree adds to the margin; trees of other outputs are left out.
Explanation by_tree(const Task& task, const HeldRow& held, const Wanted& wanted) {
    const trees::Ensemble& ensemble = held.model().ensemble();
    const std::vector<double> margins =
        trees::Predictor(ensemble).tree_margins(view_of(held.row), task.run);
    const int64_t outputs = ensemble.outputs();
    std::vector<double> values;
    std::vector<std::string> names;
    for (size_t t = 0; t < ensemble.trees().size(); ++t) {
        const trees::Tree& tree = ensemble.trees()[t];
        const bool speaks = tree.width > 1 || tree.output == wanted.target.index ||
                            (wanted.target.minus && tree.output == *wanted.target.minus);
        if (!speaks) continue;
        values.push_back(wanted.of(margins.data() + static_cast<int64_t>(t) * outputs));
        names.push_back(fmt::format("tree {}", t));
    }
    const double base = wanted.of(ensemble.parts().base.data());
    const std::vector<double> all = trees::Predictor(ensemble).margins(view_of(held.row), task.run);
    Explanation explanation =
        explanation_of(wanted, std::move(values), wanted.of(all.data()), base, "the base score");
    explanation.attribution.names = std::move(names);
    return explanation;
}

// The values of features in one tree alone.
Explanation in_tree(const Task& task, const HeldRow& held, const Wanted& wanted, int64_t number) {
    trees::EnsembleParts parts = held.model().ensemble().parts();
    if (number >= std::ssize(parts.trees))
        throw Error(ErrorKind::usage,
                    fmt::format("tree {} does not exist: the ensemble has {}, counted from 0",
                                number, parts.trees.size()));
    parts.trees = {parts.trees[number]};
    std::ranges::fill(parts.base, 0.0);
    const trees::Ensemble alone = trees::Ensemble::build(std::move(parts));
    const bool background = interventional(task.subject, task.options);
    const trees::TreeShapOptions how{.precision = trees::Precision::float64};
    const trees::TreeShapValues found =
        background
            ? trees::InterventionalShap(
                  alone, view_of(held.trees->encoded(*task.subject.background_matrix(), task.run)),
                  {}, how)
                  .values(view_of(held.row), task.run)
            : trees::TreeShap(alone, how).values(view_of(held.row), task.run);
    Explanation explanation =
        explanation_of(wanted, wanted.by_column(*held.trees, found.values.data(), found.outputs),
                       wanted.of(found.margins.data()), wanted.of(found.expected.data()),
                       absent(task, background));
    explanation.diagnostics.notes.push_back(
        fmt::format("of tree {} alone: f(x) is what it adds to the margin", number));
    return explanation;
}

Explanation tree_contributions(const Task& task) {
    const auto start = std::chrono::steady_clock::now();
    const HeldRow held(task);
    if (asks_behind_link(held))
        throw Error(ErrorKind::unsupported,
                    "trees add up to margins (scale raw), and to nothing behind the link");
    const Wanted wanted = wanted_of(task, held);
    const int64_t number = task.options.get<int64_t>("tree");
    Explanation explanation =
        number < 0 ? by_tree(task, held, wanted) : in_tree(task, held, wanted, number);
    state_notes(*held.trees, explanation);
    state_attribution_error(explanation);
    state_provenance(task, start, explanation);
    return explanation;
}

}  // namespace

std::vector<MethodSpec> tree_methods() {
    const std::vector<OptionSpec> background = behind_link_options();
    std::vector<OptionSpec> of_pairs{
        {{"perturbation", std::string("auto")},
         "what absent features follow: the training rows in each node (path-dependent), or the "
         "background's rows (interventional); auto: the background where there is one"}};
    std::vector<OptionSpec> of_trees{
        {{"tree", int64_t{-1}},
         "the number of a tree, from 0: the values of the features in it alone; -1: what each tree "
         "adds"},
        of_pairs[0]};
    std::vector<OptionSpec> of_values = of_pairs;
    of_values.push_back({{"index", std::string("shapley")},
                         "shapley, or banzhaf: every coalition counts the same"});
    for (const OptionSpec& option : background) {
        of_pairs.push_back(option);
        of_values.push_back(option);
    }
    return {
        {.name = "tree-shap",
         .summary = "exact Shapley values of a tree ensemble's margin, from the trees themselves; "
                    "of its probability or of its loss against a background",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = of_values,
         .explain = tree_shap,
         .rows = tree_shap_rows},
        {.name = "tree-interactions",
         .summary = "exact Shapley interaction values of the pairs of features of a tree ensemble",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = of_pairs,
         .explain = tree_interactions},
        {.name = "tree-contributions",
         .summary =
             "what each tree of an ensemble adds to the margin, or the values of the features "
             "in one tree",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = of_trees,
         .explain = tree_contributions},
    };
}

}  // namespace whence::recipe
