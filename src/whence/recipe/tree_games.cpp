#include "whence/recipe/tree_games.h"

#include <fmt/format.h>

#include <chrono>

#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/shapley/shap.h"

namespace whence::recipe {
namespace {

MatrixView<const double> view_of(const Tensor& rows) {
    return {rows.as<double>().data(), rows.rows(), rows.row_size()};
}

Estimate estimate_of(const Task& task, const trees::EnsembleGame& game, bool pairs) {
    const Budget budget{.coalitions = task.options.get<int64_t>("budget"),
                        .tolerance = task.options.get<double>("tolerance")};
    Run told = task.run;
    if (told.early)
        told.early = [&](EarlyEstimate early) {
            early.feature = game.features()[early.feature];
            task.run.early(early);
        };
    if (pairs) return estimate(game, ShapInteractions{budget}, told);
    if (task.options.get<std::string>("index") == "banzhaf")
        return estimate(game, Banzhaf{budget}, told);
    return shapley_estimate(game, budget, told);
}

// Of the players among all features: the others have 0, without error.
std::vector<double> widened(const std::vector<double>& values, const trees::EnsembleGame& game,
                            int64_t features) {
    if (values.empty()) return {};
    std::vector<double> out(features, 0);
    for (size_t p = 0; p < values.size(); ++p) out[game.features()[p]] = values[p];
    return out;
}
std::vector<double> widened_matrix(const std::vector<double>& values,
                                   const trees::EnsembleGame& game, int64_t features) {
    if (values.empty()) return {};
    std::vector<double> out(features * features, 0);
    const int64_t players = game.players();
    for (int64_t p = 0; p < players; ++p)
        for (int64_t q = 0; q < players; ++q)
            out[game.features()[p] * features + game.features()[q]] = values[p * players + q];
    return out;
}

std::string how_found(const Estimate& found, const trees::EnsembleGame& game) {
    const std::string of =
        fmt::format("{} features tell the row from the background", game.players());
    if (found.exact) return of + ": exact, from all their coalitions";
    return fmt::format("{}, too many for all coalitions: sampled from {} (--budget)", of,
                       found.coalitions);
}

}  // namespace

bool asks_behind_link(const Task& task, const trees::EnsembleModel& model) {
    const Scale scale = task.target.scale;
    const bool raw = scale == Scale::automatic || scale == Scale::raw;
    const std::string& output = task.target.output;
    return !raw || (!output.empty() && output != model.outputs().back().name);
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

Explanation explain_behind_link(const Task& task, const trees::EnsembleModel& model, bool pairs) {
    const auto start = std::chrono::steady_clock::now();
    const ResolvedTarget target =
        resolve(task.target, model, task.input.batch, Scale::automatic, task.run);
    const auto all = task.subject.background_matrix();
    const Background background =
        summarized({*all, {}, ""}, task.options.get<std::string>("summary"), task.run);
    const trees::EnsembleGame game(
        model, [&](const Batch& answers) { return target_values(target, answers); },
        task.input.row->as<double>(), view_of(background.rows), background.weights);
    const Estimate found = estimate_of(task, game, pairs);

    Explanation explanation;
    const int64_t features = task.input.row->row_size();
    explanation.attribution.values =
        Tensor::of<double>({features}, widened(found.values, game, features));
    if (!found.exact)
        explanation.attribution.standard_errors = widened(found.standard_errors, game, features);
    if (pairs)
        explanation.interactions = {
            Tensor::of<double>({features, features},
                               widened_matrix(found.interactions, game, features)),
            widened_matrix(found.interaction_errors, game, features)};
    const int64_t rows = background.rows.rows();
    explanation.target = {.resolved = target,
                          .value = found.everyone,
                          .baseline = fmt::format("{} background rows (interventional)", rows),
                          .baseline_value = found.nobody};
    Diagnostics& diagnostics = explanation.diagnostics;
    diagnostics.converged = found.converged;
    diagnostics.notes = found.notes;
    diagnostics.notes.push_back(how_found(found, game));
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
    return {{{"summary", fmt::format("sample:{}", most_background_rows)},
             "scales other than raw: of the background all rows, sample:K or kmeans:K of them"},
            {{"budget", int64_t{0}},
             "scales other than raw, where features are too many for all coalitions: coalitions "
             "asked; 0: 2 features + 2048"},
            {{"tolerance", Budget().tolerance},
             "the same: stop once every standard error is below this share of the range of the "
             "values; 0: spend the budget"}};
}

}  // namespace whence::recipe
