#include "whence/shapley/shap.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>

#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/shapley/some_players.h"

namespace whence {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<ShapMethod>> method_names{
    "exact-shap",     "kernel-shap", "permutation-shap",  "sampling-shap",
    "partition-shap", "linear-shap", "shap-interactions", "banzhaf"};

const NamedTensor& explained_tensor(const Batch& input) {
    if (input.rows() != 1)
        throw Error(ErrorKind::input,
                    fmt::format("one row is explained at a time, not {}", input.rows()));
    for (const NamedTensor& tensor : input.tensors())
        if (tensor.value.type() == ElementType::float32 ||
            tensor.value.type() == ElementType::float64)
            return tensor;
    throw Error(ErrorKind::input, "no input of float32 or float64 numbers to explain");
}

// Which players differ between the input and some row of the background, to the last bit.
std::vector<bool> varying(const Tensor& input, const Tensor& background,
                          const std::vector<int32_t>& labels, int64_t players) {
    std::vector<bool> out(players, false);
    const size_t width = element_size(input.type());
    for (int64_t row = 0; row < background.rows(); ++row) {
        const std::byte* filling = background.data() + row * input.bytes();
        for (size_t i = 0; i < labels.size(); ++i)
            if (labels[i] >= 0 && !out[labels[i]] &&
                std::memcmp(filling + i * width, input.data() + i * width, width) != 0)
                out[labels[i]] = true;
    }
    return out;
}

// The target's own scale is the probability; a linear model with a sigmoid is linear in the logit.
Scale preferred_scale(const ShapMethod& method) {
    return std::holds_alternative<LinearShap>(method) ? Scale::logit : Scale::probability;
}

void state_sum(const Estimate& found, Explanation& explanation) {
    if (found.no_sum_because.empty())
        state_attribution_error(explanation);
    else
        explanation.diagnostics.no_error_because = found.no_sum_because;
}

void check(const ShapMethod& method) {
    std::visit(
        [](const auto& options) {
            if constexpr (requires { options.budget; }) check(options.budget);
        },
        method);
}

// Of the game of those who play; the others get 0.
struct Question {
    const Model& model;
    const Masker& masker;
    const ShapMethod& method;
    Link link;
    std::vector<bool> plays;
    /// Who answers of an output in the model's place, or nobody: see Shap::answer_with.
    std::function<std::unique_ptr<MaskedScores>(const std::string& output)> scores = {};
};

Explanation explained(const Question& question, const Batch& input, const Target& target,
                      const Run& run) {
    const auto start = std::chrono::steady_clock::now();
    const auto& [model, masker, method, link, plays, scores_of] = question;
    const ResolvedTarget resolved = resolve(target, model, input, preferred_scale(method), run);
    MaskedGame all(model, resolved, masker, input, link);
    const std::unique_ptr<MaskedScores> scores = scores_of ? scores_of(resolved.output) : nullptr;
    const bool put_together = scores && all.use(*scores, run);
    const shapley::SomePlayers game(all, plays);
    Run told = run;
    if (run.early)
        told.early = [&](EarlyEstimate early) {
            early.feature = game.original(early.feature);
            run.early(early);
        };
    const Estimate found = game.widened(estimate(game, method, told));

    Explanation explanation;
    Attribution& attribution = explanation.attribution;
    const auto players = static_cast<int64_t>(found.values.size());
    attribution.values = Tensor::of<double>({players}, found.values);
    attribution.standard_errors = found.standard_errors;
    attribution.names = masker.names();
    if (!found.interactions.empty())
        explanation.interactions = {Tensor::of<double>({players, players}, found.interactions),
                                    found.interaction_errors};
    explanation.target = {
        .resolved = resolved, .value = found.everyone, .baseline_value = found.nobody};
    Diagnostics& diagnostics = explanation.diagnostics;
    diagnostics.converged = found.converged;
    diagnostics.notes = found.notes;
    state_sum(found, explanation);
    const int64_t fillings = masker.fillings(), left_out = std::ranges::count(plays, false);
    if (fillings > 1)
        diagnostics.notes.push_back(fmt::format(
            "missing features are filled from {} background rows; answers are averaged", fillings));
    if (left_out > 0)
        diagnostics.notes.push_back(
            fmt::format("{} of {} features are the same in all of the background: they get 0",
                        left_out, players));
    if (link != Link::identity)
        diagnostics.notes.push_back(
            fmt::format("values, f(x) and f(baseline) are in units of the link {}", name(link)));
    if (put_together)
        diagnostics.notes.push_back(fmt::format(
            "masked rows were answered from the model's own numbers, without running it: the same but for "
            "rounding, as {} rows that it was asked as well have shown",
            all.compared()));
    Provenance& provenance = explanation.provenance;
    provenance.method = name(method);
    provenance.seed = run.seed;
    provenance.version = version();
    provenance.evaluations = found.coalitions * fillings + all.compared() + (target.index ? 0 : 1);
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace

std::string_view name(const ShapMethod& method) {
    return method_names[method.index()];
}

Estimate estimate(const Game& game, const ShapMethod& method, const Run& run) {
    return std::visit([&](const auto& one) { return estimate(game, one, run); }, method);
}

Shap::Shap(const Model& model, Players players, Background background, ShapMethod method, Link link)
    : model_(model),
      players_(std::move(players)),
      background_(std::move(background)),
      method_(std::move(method)),
      link_(link) {
    check(method_);
}

Explanation Shap::explain(const Batch& input, const Target& target, const Run& run) const {
    run.check();
    const NamedTensor& tensor = explained_tensor(input);
    const LabelMasker masker(tensor.name, tensor.value, background_.rows.cast(tensor.value.type()),
                             players_.labels, players_.names, background_.weights);
    std::vector<bool> plays =
        varying(tensor.value, masker.baseline(), players_.labels, masker.players());
    // A hierarchy names all players.
    if (std::holds_alternative<PartitionShap>(method_)) plays.assign(plays.size(), true);
    Question question{model_, masker, method_, link_, std::move(plays)};
    if (scorer_ && input.size() == 1)
        question.scores = [&](const std::string& output) { return scorer_->over(masker, output); };
    Explanation explanation = explained(question, input, target, run);
    explanation.attribution.displays = players_.displays;
    explanation.attribution.segments = players_.segments;
    explanation.target.baseline = background_.description;
    if (input.size() > 1)
        explanation.diagnostics.notes.push_back("only input '" + printable(tensor.name) +
                                                "' is explained; the others are held constant");
    return explanation;
}

Explanation shap_of_players(const Model& model, const Masker& masker, const std::string& hidden,
                            const ShapMethod& method, Link link, const Batch& input,
                            const Target& target, const Run& run) {
    run.check();
    check(method);
    if (input.rows() != 1)
        throw Error(ErrorKind::input,
                    fmt::format("one row is explained at a time, not {}", input.rows()));
    const std::vector<bool> all(static_cast<size_t>(masker.players()), true);
    Explanation explanation = explained({model, masker, method, link, all}, input, target, run);
    explanation.target.baseline = hidden;
    return explanation;
}

}  // namespace whence
