#include "whence/recipe/tree_games.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/data/csv.h"
#include "whence/recipe/tree_losses.h"
#include "whence/shapley/shap.h"

namespace whence::recipe {
namespace {

MatrixView<const double> view_of(const Tensor& rows) {
    return {rows.as<double>().data(), rows.rows(), rows.row_size()};
}

// The subject's column of each player.
std::vector<int64_t> columns_of(const trees::EnsembleGame& game, const HeldTrees& trees) {
    std::vector<int64_t> out;
    for (const int32_t feature : game.features())
        out.push_back(std::ranges::find(trees.feature_of_column(), feature) -
                      trees.feature_of_column().begin());
    return out;
}

Estimate estimate_of(const Task& task, const trees::EnsembleGame& game,
                     const std::vector<int64_t>& places, bool pairs) {
    const Budget budget{.coalitions = task.options.get<int64_t>("budget"),
                        .tolerance = task.options.get<double>("tolerance")};
    Run told = task.run;
    if (told.early)
        told.early = [&](EarlyEstimate early) {
            early.feature = places[early.feature];
            task.run.early(early);
        };
    if (pairs) return estimate(game, ShapInteractions{budget}, told);
    if (task.options.get<std::string>("index") == "banzhaf")
        return estimate(game, Banzhaf{budget}, told);
    return shapley_estimate(game, budget, told);
}

// Of the players, at these places, among all columns: the others have 0, without error.
std::vector<double> widened(const std::vector<double>& values, const std::vector<int64_t>& places,
                            int64_t columns) {
    if (values.empty()) return {};
    std::vector<double> out(columns, 0);
    for (size_t p = 0; p < values.size(); ++p) out[places[p]] = values[p];
    return out;
}
std::vector<double> widened_matrix(const std::vector<double>& values,
                                   const std::vector<int64_t>& places, int64_t columns) {
    if (values.empty()) return {};
    std::vector<double> out(columns * columns, 0);
    for (size_t p = 0; p < places.size(); ++p)
        for (size_t q = 0; q < places.size(); ++q)
            out[places[p] * columns + places[q]] = values[p * places.size() + q];
    return out;
}

/// What is known to be true of the row, and what an answer then costs.
struct Truth {
    TreeLoss loss;
    std::string written;
    double number;          ///< a class's, or the number itself
    ResolvedTarget target;  ///< the class, or the answer that should be the number
};

// The label as it is written: in a column of the input's file, or as it was given.
std::string written_label(const Task& task) {
    const std::string& given = task.options.get<std::string>("label");
    if (given.empty())
        throw Error(ErrorKind::usage,
                    "a loss needs the truth: --label names a column of the file, or is the row's "
                    "label itself");
    const Input& input = task.input;
    if (input.path.empty() || !input.row_number || kind_of(input.path) != FileKind::table)
        return given;
    const auto all = task.subject.kept<data::Table>("labels of " + input.path.string(), {}, [&] {
        return std::make_shared<const data::Table>(data::read_csv(input.path));
    });
    const auto column = all->find(given);
    return column ? all->text(*input.row_number, *column) : given;
}

double number_of_label(const std::string& written, const std::vector<std::string>& classes) {
    const auto found = std::ranges::find(classes, written);
    if (found != classes.end()) return static_cast<double>(found - classes.begin());
    double number = 0;
    const auto [end, error] =
        std::from_chars(written.data(), written.data() + written.size(), number);
    return error == std::errc() && end == written.data() + written.size()
               ? number
               : std::numeric_limits<double>::quiet_NaN();
}

Truth truth_of(const Task& task, const HeldRow& held) {
    const HeldTrees& trees = *held.trees;
    Truth truth{.loss = parse_tree_loss(task.options.get<std::string>("link"), trees),
                .written = written_label(task),
                .number = 0,
                .target = {}};
    const bool logs = truth.loss == TreeLoss::log_loss;
    truth.number =
        number_of_label(truth.written, logs ? task.subject.classes() : std::vector<std::string>());
    if (!logs) {
        if (!trees.changed_by().empty())
            throw Error(ErrorKind::unsupported,
                        "what the model answers is made of its trees' answers by " +
                            printable(trees.changed_by(), 200) +
                            "; kernel-shap explains any model");
        truth.target = resolve(held.target, held.model(), held.batch(), Scale::automatic, task.run);
        return truth;
    }
    // Throws where it is no class.
    static_cast<void>(worth_of(truth.loss, trees, truth.target, truth.number, truth.written));
    const auto label = static_cast<int64_t>(truth.number);
    if (task.target.minus || (task.target.index && *task.target.index != label))
        throw Error(ErrorKind::usage, "the log-loss is of the label's class: leave the target out");
    const TensorInfo& output = held.model().outputs()[0];
    truth.target = {.output = output.name,
                    .index = label,
                    .scale = Scale::probability,
                    .output_scale = Scale::probability,
                    .classes = trees.classes()};
    return truth;
}

std::string how_found(const Estimate& found, const trees::EnsembleGame& game) {
    const std::string of =
        fmt::format("{} features tell the row from the background", game.players());
    if (found.exact) return of + ": exact, from all their coalitions";
    return fmt::format("{}, too many for all coalitions: sampled from {} (--budget)", of,
                       found.coalitions);
}

}  // namespace

HeldRow::HeldRow(const Task& task)
    : row(row_of(task.input)),
      trees(kept_trees(task.subject, task.input.schema, row.row_size())),
      target(trees->target_of(task.target, task.subject)) {
    row = trees->encoded(row, task.run);
}

bool asks_behind_link(const HeldRow& held) {
    const Scale scale = held.target.scale;
    const bool raw = scale == Scale::automatic || scale == Scale::raw;
    const std::string& output = held.target.output;
    return !raw || (!output.empty() && output != held.model().outputs().back().name);
}

bool asks_loss(const Task& task) {
    return task.options.get<std::string>("link") != "identity";
}

Estimate shapley_estimate(const trees::EnsembleGame& game, const Budget& budget, const Run& run) {
    if (game.players() > trees::EnsembleGame::most_tabulated)
        return estimate(game, KernelShap{.budget = budget}, run);
    const std::vector<double> table = game.table(run);
    return {.values = shapley::shapley_values(table, game.players()),
            .nobody = table.front(),
            .everyone = table.back(),
            .coalitions = std::ssize(table),
            .exact = true};
}

ResolvedTarget margin_of(ResolvedTarget target, const trees::EnsembleModel& model) {
    const TensorInfo& margin = model.outputs().back();
    if (margin.shape.back() == 1 && target.classes == 2) {
        if (target.minus)
            throw Error(ErrorKind::usage, "the model has one margin: there is no difference");
        target.index = 0;
    }
    target.output = margin.name;
    target.scale = target.output_scale = Scale::raw;
    target.classes = margin.shape.back();
    return target;
}

Explanation explain_behind_link(const Task& task, const HeldRow& held, bool pairs) {
    const auto start = std::chrono::steady_clock::now();
    const std::optional<Truth> truth =
        asks_loss(task) ? std::optional(truth_of(task, held)) : std::nullopt;
    const ResolvedTarget target =
        truth ? truth->target
              : resolve(held.target, held.model(), held.batch(), Scale::automatic, task.run);
    const auto all = task.subject.background_matrix();
    const Background background =
        summarized({*all, {}, ""}, task.options.get<std::string>("summary"), task.run);
    const Tensor others = held.trees->encoded(background.rows, task.run);
    const trees::EnsembleGame game(
        held.model(),
        truth ? worth_of(truth->loss, *held.trees, target, truth->number, truth->written)
              : [&](const Batch& answers) { return target_values(target, answers); },
        held.row.as<double>(), view_of(others), background.weights);
    const std::vector<int64_t> places = columns_of(game, *held.trees);
    const Estimate found = estimate_of(task, game, places, pairs);

    Explanation explanation;
    const auto features = std::ssize(held.trees->feature_of_column());
    explanation.attribution.values =
        Tensor::of<double>({features}, widened(found.values, places, features));
    if (!found.exact)
        explanation.attribution.standard_errors = widened(found.standard_errors, places, features);
    if (pairs)
        explanation.interactions = {
            Tensor::of<double>({features, features},
                               widened_matrix(found.interactions, places, features)),
            widened_matrix(found.interaction_errors, places, features)};
    const int64_t rows = background.rows.rows();
    explanation.target = {.resolved = target,
                          .value = found.everyone,
                          .baseline = fmt::format("{} background rows (interventional)", rows),
                          .baseline_value = found.nobody};
    Diagnostics& diagnostics = explanation.diagnostics;
    diagnostics.converged = found.converged;
    diagnostics.notes = found.notes;
    diagnostics.notes.push_back(how_found(found, game));
    if (truth)
        diagnostics.notes.push_back(
            fmt::format("values are of the {} where the truth is {}: what is negative lowers it",
                        name(truth->loss), printable(truth->written)));
    if (rows < all->rows())
        diagnostics.notes.push_back(fmt::format(
            "the background's {} rows are summarized by {} ({}); --summary all takes all of them",
            all->rows(), rows, task.options.get<std::string>("summary")));
    if (found.no_sum_because.empty())
        state_attribution_error(explanation);
    else
        diagnostics.no_error_because = found.no_sum_because;
    explanation.provenance.version = version();
    explanation.provenance.evaluations = found.coalitions * rows + (task.target.index ? 0 : 1);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

std::vector<OptionSpec> behind_link_options() {
    return {
        {{"link", std::string("identity")},
         "identity, or what the answer costs: log-loss of the row's label, squared-error; needs "
         "a background and a label"},
        {{"label", std::string()},
         "the row's true class or number, for a link that is a loss: a column of the input's "
         "file, or the label itself"},
        {{"summary", fmt::format("sample:{}", most_background_rows)},
         "links and scales other than identity and raw: of the background all rows, sample:K or "
         "kmeans:K of them"},
        {{"budget", int64_t{0}},
         "the same, where features are too many for all coalitions: coalitions "
         "asked; 0: 2 features + 2048"},
        {{"tolerance", Budget().tolerance},
         "the same: stop once every standard error is below this share of the range of the "
         "values; 0: spend the budget"}};
}

}  // namespace whence::recipe
