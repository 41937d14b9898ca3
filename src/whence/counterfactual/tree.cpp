#include "whence/counterfactual/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/counterfactual/report.h"
#include "whence/trees/search/cells.h"
#include "whence/trees/search/search.h"

namespace whence {
namespace {

using namespace counterfactual;  // the helpers of this folder
using Objective = TreeCounterfactualOptions::Objective;

/// The values that the constraints leave to each feature that trees read: of a cell the nearest
/// one.
class Values {
  public:
    Values(const trees::Ensemble& ensemble, const Features& features, const Limits& limits,
           const TreeCounterfactualOptions& options)
        : ensemble_(ensemble),
          features_(features),
          limits_(limits),
          options_(options),
          cells_(trees::cells_of(ensemble)),
          read_(trees::read_columns(ensemble)) {}

    /// No values: the feature stays as it is.
    [[nodiscard]] std::vector<double> of(size_t f) const {
        const FeatureInfo& feature = features_[f];
        const bool read = std::ranges::any_of(feature.columns,
                                              [&](int64_t column) { return read_[column] != 0; });
        if (!read || limits_.fixed(f)) return {};
        return feature.kind == FeatureInfo::Kind::number ? numbers(f) : levels(f);
    }

  private:
    [[nodiscard]] std::vector<double> levels(size_t f) const {
        std::vector<double> out = {limits_.input()[f]};
        for (size_t level = 0; level < features_[f].levels.size(); ++level) {
            const auto value = static_cast<double>(level);
            if (value != limits_.input()[f] && limits_.allows(f, value)) out.push_back(value);
        }
        return out;
    }

    // Rising, what trees read as missing last.
    [[nodiscard]] std::vector<double> numbers(size_t f) const {
        const FeatureInfo& feature = features_[f];
        const int64_t column = feature.columns[0];
        const double here = limits_.input()[f];
        const bool whole = !options_.whole.empty() && options_.whole[column] != 0;
        const double step = whole ? 1 : options_.keep_decimals ? feature.step : 0;
        const trees::Lattice lattice{.float_inputs = ensemble_.parts().float_inputs,
                                     .low = limits_.low(f),
                                     .high = limits_.high(f),
                                     .per_unit = step > 0 ? std::round(1 / step) : 0};
        // A missing number becomes one from the middle of the data, where there are any.
        const double near = !std::isnan(here)      ? here
                            : feature.grid.empty() ? 0
                                                   : feature.grid[feature.grid.size() / 2];
        const double read = trees::as_read(ensemble_, column, here);
        std::vector<double> out, missing;
        const auto add = [&](double value) {
            (std::isnan(trees::as_read(ensemble_, column, value)) ? missing : out).push_back(value);
        };
        for (const trees::Cell& cell : cells_[column]) {
            if (cell.holds(read) || (std::isnan(read) && cell.holds(here))) {
                add(here);
            } else if (const auto value = trees::nearest_in(cell, near, lattice);
                       value && limits_.allows(f, *value)) {
                add(*value);
            }
        }
        if (std::isnan(here)) missing.insert(missing.begin(), here);
        // Trees cannot tell a missing number from a zero that means one: the input's own is nearer.
        if (!missing.empty()) out.push_back(missing.front());
        return out;
    }

    const trees::Ensemble& ensemble_;
    const Features& features_;
    const Limits& limits_;
    const TreeCounterfactualOptions& options_;
    std::vector<std::vector<trees::Cell>> cells_;
    std::vector<uint8_t> read_;
};

/// The space of the rows that may be answered, and how its variables are features.
struct Candidates {
    std::vector<size_t> features;  ///< of each variable
    std::vector<trees::Variable> variables;
    double scale = 1;  ///< of objective `changes`: what distances are divided by to break ties
};

Candidates candidates_of(const trees::Ensemble& ensemble, const Features& features,
                         const Limits& limits, const std::vector<double>& row,
                         const TreeCounterfactualOptions& options) {
    const Values values(ensemble, features, limits, options);
    Candidates out;
    double farthest = 0;
    std::vector<double> cells = row;
    for (size_t f = 0; f < features.size(); ++f) {
        const std::vector<double> own = values.of(f);
        if (own.size() < 2) continue;
        trees::Variable variable{.columns = features[f].columns, .choices = {}};
        double most = 0;
        for (const double value : own) {
            trees::Choice choice{.values = {},
                                 .cost = features.distance(f, limits.input()[f], value)};
            if (!std::isfinite(choice.cost)) continue;
            features.decode(f, value, cells);
            for (const int64_t column : variable.columns) choice.values.push_back(cells[column]);
            most = std::max(most, choice.cost);
            variable.choices.push_back(std::move(choice));
        }
        farthest += most;
        out.features.push_back(f);
        out.variables.push_back(std::move(variable));
    }
    if (options.objective == Objective::distance) return out;
    // All distances together weigh less than half a change.
    out.scale = 2 * farthest + 1;
    for (trees::Variable& variable : out.variables)
        for (trees::Choice& choice : variable.choices)
            if (choice.cost > 0) choice.cost = 1 + choice.cost / out.scale;
    return out;
}

trees::Goal goal_of(const trees::Ensemble& ensemble, const Judge& judge) {
    const Wanted& wanted = judge.wanted();
    if (wanted.range)
        return trees::range_goal(ensemble, judge.target(), wanted.range->low, wanted.range->high);
    if (wanted.index) return trees::class_goal(ensemble, *wanted.index);
    return trees::other_class_goal(ensemble, judge.original().answer);
}

// No counterfactual has fewer changes, or is nearer. Infinity where there is none.
double bound_of(const trees::Found& found, Objective objective) {
    if (objective == Objective::distance) return std::max(0.0, found.lower_bound);
    // Ties within one number of changes are broken by less than half a change.
    return std::max(
        0.0, found.complete ? std::floor(found.lower_bound) : std::ceil(found.lower_bound - 0.5));
}

std::string proof_of(const trees::Found& found, Objective objective) {
    const bool changes = objective == Objective::changes;
    const std::string boxes = fmt::format("{} boxes of leaves", found.boxes);
    if (found.complete && !found.point)
        return fmt::format("proven: no row within the limits gets the wanted answer ({})", boxes);
    if (found.complete)
        return changes ? fmt::format(
                             "proven minimal: no row within the limits gets the wanted answer with "
                             "fewer changes, nor with as many and nearer; bound gap 0 ({})",
                             boxes)
                       : fmt::format(
                             "proven minimal: no row within the limits that gets the wanted answer "
                             "is nearer; bound gap 0 ({})",
                             boxes);
    const std::string nearer =
        changes ? fmt::format("with fewer than {:.0f} changes exists", bound_of(found, objective))
                : fmt::format("nearer than {:.6g} exists", bound_of(found, objective));
    return fmt::format(
        "not proven minimal: the search ended early ({}); proven is that no counterfactual "
        "{}",
        boxes, nearer);
}

}  // namespace

TreeCounterfactual::TreeCounterfactual(const trees::EnsembleModel& model,
                                       std::shared_ptr<const Features> features,
                                       TreeCounterfactualOptions options)
    : model_(model), options_(std::move(options)), features_(std::move(features)) {
    if (options_.budget < 1) throw Error(ErrorKind::usage, "budget must be at least 1 box");
    if (static_cast<int64_t>(features_->schema().size()) != model_.ensemble().features())
        throw Error(ErrorKind::input,
                    fmt::format("the ensemble reads {} columns, the table has {}",
                                model_.ensemble().features(), features_->schema().size()));
}

TreeCounterfactual::~TreeCounterfactual() = default;

Explanation TreeCounterfactual::explain(const Batch& input, const Target& target,
                                        const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    // What was found is asked and described also when the time is over.
    Run patient = run;
    patient.deadline = std::chrono::steady_clock::time_point::max();
    patient.progress = nullptr;
    Oracle oracle(model_, *features_, input, target, options_.wanted,
                  std::numeric_limits<int64_t>::max(), patient);
    const Limits limits(*features_, options_.constraints, oracle.input());
    const trees::Ensemble& ensemble = model_.ensemble();
    const std::vector<double> row = oracle.row(oracle.input()).to_doubles();
    Candidates candidates = candidates_of(ensemble, *features_, limits, row, options_);
    const std::vector<size_t> feature_of = candidates.features;
    const trees::Space space(ensemble, row, std::move(candidates.variables));
    const auto state_of = [&](std::span<const double> cells) {
        State state = oracle.input();
        for (const size_t f : feature_of) state[f] = features_->encode(f, cells);
        return state;
    };
    const trees::Goal goal = goal_of(ensemble, oracle.judge());
    trees::Search search(space, goal, [&](std::span<const double> cells) {
        return oracle.ask(std::vector<State>{state_of(cells)})[0].valid;
    });
    const trees::Found found =
        search.cheapest(trees::whole(space), {.boxes = options_.budget}, run);
    std::vector<State> states;
    if (const auto& shown = found.point ? found.point : found.closest)
        states.push_back(state_of(space.row(shown->choices)));
    Counterfactuals described = describe(oracle, states, options_.classes);
    if (const double bound = bound_of(found, options_.objective); std::isfinite(bound))
        described.lower_bound = bound;
    Explanation explanation =
        explanation_of("tree-counterfactual", std::move(described), oracle, 1, start);
    explanation.diagnostics.converged = found.complete && found.point.has_value();
    explanation.diagnostics.notes.insert(explanation.diagnostics.notes.begin(),
                                         proof_of(found, options_.objective));
    return explanation;
}

}  // namespace whence
