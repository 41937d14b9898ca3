#include "whence/counterfactual/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/core/version.h"

namespace whence::counterfactual {
namespace {

// The input itself may be a row of the data: it says nothing of how likely the change is.
std::optional<double> to_data(std::span<const double> distances,
                              std::span<const double> from_input) {
    std::optional<double> nearest;
    for (size_t row = 0; row < distances.size(); ++row)
        if (from_input[row] > 0 && (!nearest || distances[row] < *nearest))
            nearest = distances[row];
    return nearest;
}

Counterfactual describe_one(const Oracle& oracle, const State& state, const Oracle::Answer& answer,
                            std::span<const double> from_input,
                            const std::vector<std::string>& classes) {
    const Features& features = oracle.features();
    Counterfactual out{.values = oracle.row(state),
                       .changes = {},
                       .prediction = answer.value,
                       .label = oracle.judge().label(answer.verdict, answer.value, classes),
                       .valid = answer.verdict.valid,
                       .distance = features.distance(oracle.input(), state),
                       .to_data = std::nullopt};
    for (size_t f = 0; f < state.size(); ++f)
        if (features.distance(f, oracle.input()[f], state[f]) > 0)
            out.changes.push_back({.feature = features[f].columns[0],
                                   .name = features[f].name,
                                   .from = features.display(f, oracle.input()[f]),
                                   .to = features.display(f, state[f])});
    out.to_data = to_data(features.distances(state, oracle.run()), from_input);
    return out;
}

}  // namespace

void check(const CounterfactualOptions& options) {
    const auto refuse = [](const char* what) { throw Error(ErrorKind::usage, what); };
    if (options.count < 1 || options.count > 1000) refuse("count must be from 1 to 1000");
    if (options.budget < 1) refuse("budget must be at least 1 evaluation");
    if (!(options.diversity >= 0)) refuse("diversity must not be negative");
}

CounterfactualOptions checked(CounterfactualOptions options) {
    check(options);
    return options;
}

std::shared_ptr<const Features> read_features(Schema schema, const Tensor& background,
                                              const std::vector<std::vector<std::string>>& one_hot,
                                              bool none_will_do) {
    auto features = std::make_shared<const Features>(std::move(schema), background, one_hot);
    if (features->examples() < 1 && !none_will_do)
        throw Error(ErrorKind::input, "the background has no rows");
    return features;
}

Counterfactuals describe(Oracle& oracle, const std::vector<State>& states,
                         const std::vector<std::string>& classes) {
    Counterfactuals out{
        .wanted = oracle.judge().describe(classes), .metric = metric_in_words, .found = {}};
    const std::vector<Oracle::Answer> answers = oracle.answers(states);
    const std::vector<double> from_input =
        oracle.features().distances(oracle.input(), oracle.run());
    for (size_t i = 0; i < states.size(); ++i)
        out.found.push_back(describe_one(oracle, states[i], answers[i], from_input, classes));
    std::ranges::stable_sort(out.found, {}, &Counterfactual::distance);
    return out;
}

Explanation explanation_of(const char* method, Counterfactuals found, const Oracle& oracle,
                           int64_t wished, std::chrono::steady_clock::time_point start) {
    Explanation explanation;
    Diagnostics& diagnostics = explanation.diagnostics;
    const auto valid = std::ranges::count_if(found.found, &Counterfactual::valid);
    diagnostics.converged = valid >= wished;
    if (valid == 0)
        diagnostics.notes.push_back(
            "no row was found to which the model gives the wanted answer (" + found.wanted + ")" +
            (found.found.empty() ? "" : "; the nearest to it is shown"));
    else if (valid < wished)
        diagnostics.notes.push_back(fmt::format("{} of the {} wanted were found", valid, wished));
    if (oracle.left() == 0 && valid < wished)
        diagnostics.notes.push_back("the budget of evaluations was used up");
    if (oracle.judge().original().valid)
        diagnostics.notes.push_back("the model gives the wanted answer already");
    diagnostics.no_error_because = "counterfactuals are rows, not shares of a difference";
    explanation.attribution.values = Tensor(ElementType::float64, {0});
    explanation.counterfactuals = std::move(found);
    explanation.target.resolved = oracle.judge().target();
    explanation.target.value = oracle.input_value();
    Provenance& provenance = explanation.provenance;
    provenance.method = method;
    provenance.seed = oracle.run().seed;
    provenance.version = version();
    provenance.evaluations = oracle.evaluations();
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence::counterfactual
