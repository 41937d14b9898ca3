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

const trees::EnsembleModel& ensemble_of(const Task& task) {
    if (!task.subject.ensemble_or_null())
        throw Error(ErrorKind::usage,
                    "tree-shap reads the trees of an ensemble (XGBoost, LightGBM, CatBoost), and this "
                    "model is none; kernel-shap explains any model");
    if (!task.input.is_table()) throw Error(ErrorKind::usage, "tree-shap explains rows of tables");
    return *task.subject.ensemble_or_null();
}

// A margin, or the difference of two.
struct Wanted {
    ResolvedTarget target;
    std::string note;  // where the class that was asked for has no margin of its own

    [[nodiscard]] double of(const double* outputs) const {
        return outputs[target.index] - (target.minus ? outputs[*target.minus] : 0);
    }
};

Wanted wanted_of(const Task& task, const trees::EnsembleModel& model) {
    const ResolvedTarget asked =
        resolve(task.target, model, task.input.batch, Scale::raw, task.run);
    Wanted wanted{.target = margin_of(asked, model)};
    if (wanted.target.classes == 1 && asked.classes == 2 && asked.index == 0)
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
void require_background(const Task& task) {
    if (interventional(task.subject, task.options)) return;
    const bool scaled = task.target.scale != Scale::automatic && task.target.scale != Scale::raw;
    throw Error(ErrorKind::unsupported,
                fmt::format("by their covers trees add up to margins (scale raw), not to {}: give "
                            "--background rows (interventional) to explain it",
                            scaled ? "a " + std::string(name(task.target.scale))
                                   : "'" + printable(task.target.output) + "'"));
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

// The values of rows, each [columns, outputs].
struct TreeQuestion {
    const Subject& subject;
    const Schema& schema;
    const OptionValues& options;

    [[nodiscard]] trees::TreeShapValues ask(const Tensor& rows, const Run& run) const {
        const trees::Ensemble& ensemble = subject.ensemble_or_null()->ensemble();
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
                        ensemble, view_of(*background), std::span<const double>(), how);
                })
            ->values(view_of(rows), run);
    }
};

Explanation tree_shap(const Task& task) {
    const auto start = std::chrono::steady_clock::now();
    const trees::EnsembleModel& model = ensemble_of(task);
    static_cast<void>(index_of(task.options));
    if (asks_behind_link(task, model)) {
        require_background(task);
        return explain_behind_link(task, model, false);
    }
    const Wanted wanted = wanted_of(task, model);
    const bool background = interventional(task.subject, task.options);
    const trees::TreeShapValues found =
        TreeQuestion{task.subject, task.input.schema, task.options}.ask(*task.input.row, task.run);
    std::vector<double> values;
    for (int64_t f = 0; f < found.features; ++f)
        values.push_back(wanted.of(found.values.data() + f * found.outputs));
    Explanation explanation = explanation_of(
        wanted, std::move(values), wanted.of(found.margins.data()), wanted.of(found.expected.data()),
        absent(task, background));
    if (index_of(task.options) == trees::TreeIndex::banzhaf)
        explanation.diagnostics.no_error_because = "Banzhaf values do not add up to a difference";
    else
        state_attribution_error(explanation);
    state_provenance(task, start, explanation);
    return explanation;
}

class TreeShapRows final : public RowsExplainer {
  public:
    explicit TreeShapRows(const RowsTask& task)
        : subject_(task.subject),
          schema_(task.schema),
          options_(task.options),
          wanted_{.target = task.example.target.resolved} {}

    RowsValues explain(const Tensor& rows, const Run& run) const override {
        const trees::TreeShapValues found = TreeQuestion{subject_, schema_, options_}.ask(rows, run);
        RowsValues out{.base_value = wanted_.of(found.expected.data())};
        out.values.reserve(found.rows * found.features);
        for (int64_t value = 0; value < found.rows * found.features; ++value)
            out.values.push_back(wanted_.of(found.values.data() + value * found.outputs));
        const bool adds_up = index_of(options_) == trees::TreeIndex::shapley;
        for (int64_t row = 0; row < found.rows; ++row) {
            const auto values = out.values.begin() + row * found.features;
            const double margin = wanted_.of(found.margins.data() + row * found.outputs);
            const double sum = std::accumulate(values, values + found.features, 0.0);
            out.predictions.push_back(margin);
            out.errors.push_back(adds_up ? sum - (margin - out.base_value) : std::nan(""));
        }
        return out;
    }
    // The row read and converted, values of all outputs and of the one that is wanted.
    int64_t bytes_per_row() const override {
        const int64_t columns = std::ssize(schema_);
        return 8 * columns * (4 + subject_.ensemble_or_null()->ensemble().outputs());
    }

  private:
    const Subject& subject_;
    Schema schema_;
    OptionValues options_;
    Wanted wanted_;
};

std::shared_ptr<const RowsExplainer> tree_shap_rows(const RowsTask& task) {
    // What is behind the link is no sum over trees: row by row.
    const TensorInfo& margin = task.subject.ensemble_or_null()->outputs().back();
    if (task.example.target.resolved.output != margin.name) return nullptr;
    return std::make_shared<const TreeShapRows>(task);
}

trees::TreeInteractionValues pairs_of(const Task& task, const trees::Ensemble& ensemble,
                                      bool background) {
    const trees::TreeInteractionsOptions options{.precision = trees::Precision::float64};
    const auto row = view_of(*task.input.row);
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
                    ensemble, view_of(*rows), std::span<const double>(), options);
            })
        ->values(row, task.run);
}

Explanation tree_interactions(const Task& task) {
    const auto start = std::chrono::steady_clock::now();
    const trees::EnsembleModel& model = ensemble_of(task);
    if (asks_behind_link(task, model)) {
        require_background(task);
        return explain_behind_link(task, model, true);
    }
    const Wanted wanted = wanted_of(task, model);
    const bool background = interventional(task.subject, task.options);
    const trees::TreeInteractionValues found = pairs_of(task, model.ensemble(), background);
    const int64_t features = found.features;
    std::vector<double> pairs, sums(features);
    for (int64_t pair = 0; pair < features * features; ++pair) {
        pairs.push_back(wanted.of(found.values.data() + pair * found.outputs));
        sums[pair / features] += pairs.back();
    }
    Explanation explanation =
        explanation_of(wanted, std::move(sums), wanted.of(found.margins.data()),
                       wanted.of(found.expected.data()), absent(task, background));
    explanation.interactions =
        Interactions{.values = Tensor::of<double>({features, features}, pairs)};
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
    std::vector<OptionSpec> of_values = of_pairs;
    of_values.push_back(
        {{"index", std::string("shapley")}, "shapley, or banzhaf: every coalition counts the same"});
    for (const OptionSpec& option : background) {
        of_pairs.push_back(option);
        of_values.push_back(option);
    }
    return {
        {.name = "tree-shap",
         .summary = "exact Shapley values of a tree ensemble's margin, from the trees themselves; "
                    "of its probability against a background",
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
    };
}

}  // namespace whence::recipe
