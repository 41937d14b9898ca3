#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/counterfactual/polish.h"
#include "whence/counterfactual/report.h"
#include "whence/counterfactual/select.h"

namespace whence {
namespace {

using namespace counterfactual;  // the helpers of this folder

constexpr size_t rows_at_once = 256, most_cells = size_t{1} << 22;
// Of the features that help most alone, how many are tried in pairs, with how many values each.
constexpr size_t paired_features = 6, paired_values = 3;
constexpr int64_t seeds_per_result = 3;

struct Candidate {
    State state;
    double distance = 0;
};

// The nearest of all valid states that were asked, all different, and the best of those that are
// not.
class Pool {
  public:
    Pool(Oracle& oracle, size_t keep)
        : oracle_(oracle),
          keep_(keep),
          best_(oracle.input()),
          best_margin_(oracle.judge().original().margin) {}
    std::vector<Verdict> ask(const std::vector<Variant>& variants) {
        std::vector<Verdict> verdicts = oracle_.ask(variants);
        for (size_t i = 0; i < variants.size(); ++i) {
            if (verdicts[i].valid) add(variants[i].state());
            if (verdicts[i].margin <= best_margin_) continue;
            best_margin_ = verdicts[i].margin;
            best_ = variants[i].state();
        }
        return verdicts;
    }
    [[nodiscard]] bool full() const { return valid_.size() == keep_; }
    [[nodiscard]] bool empty() const { return valid_.empty(); }
    [[nodiscard]] const State& best() const { return best_; }
    [[nodiscard]] double best_margin() const { return best_margin_; }
    [[nodiscard]] std::vector<State> states() const {
        std::vector<State> out;
        for (const Candidate& one : valid_) out.push_back(one.state);
        return out;
    }

  private:
    void add(State state) {
        const Features& features = oracle_.features();
        const double distance = features.distance(oracle_.input(), state);
        const auto after = std::ranges::upper_bound(valid_, distance, {}, &Candidate::distance);
        for (auto same = after; same != valid_.begin() && (--same)->distance == distance;)
            if (features.distance(same->state, state) == 0) return;
        valid_.insert(after, {std::move(state), distance});
        if (valid_.size() > keep_) valid_.pop_back();
    }

    Oracle& oracle_;
    size_t keep_;
    std::vector<Candidate> valid_;  // the nearest first
    State best_;
    double best_margin_;
};

// Rows of the data, moved into the limits, the nearest first, until enough of them are valid.
void try_rows(Oracle& oracle, const Limits& limits, Pool& pool) {
    const Features& features = oracle.features();
    const std::vector<double> distances = limits.distances(oracle.run());
    const size_t block = std::clamp<size_t>(most_cells / features.size(), 1, rows_at_once);
    std::vector<int64_t> order(distances.size());
    std::iota(order.begin(), order.end(), 0);
    const auto by_distance = [&](int64_t a, int64_t b) {
        return distances[a] != distances[b] ? distances[a] < distances[b] : a < b;
    };
    for (size_t first = 0; first < order.size() && !pool.full() && oracle.left() > 0;
         first += block) {
        const size_t end = std::min(first + block, order.size());
        std::nth_element(order.begin() + static_cast<int64_t>(first),
                         order.begin() + static_cast<int64_t>(end - 1), order.end(), by_distance);
        std::sort(order.begin() + static_cast<int64_t>(first),
                  order.begin() + static_cast<int64_t>(end), by_distance);
        std::vector<State> states;
        for (size_t i = first; i < end; ++i) {
            State state = features.example(order[i]);
            for (size_t f = 0; f < state.size(); ++f) state[f] = limits.on_step(f, state[f]);
            states.push_back(std::move(state));
        }
        std::vector<Variant> variants;
        for (const State& state : states) variants.push_back({&state, {}});
        static_cast<void>(pool.ask(variants));
    }
}

// Every change of one feature of `base`, at most `most` of them.
std::vector<Variant> single_changes(const Limits& limits, const State& base, size_t most) {
    std::vector<Variant> out;
    for (size_t f = 0; f < base.size() && out.size() < most; ++f)
        for (const double value : limits.tries(f))
            if (value != base[f]) out.push_back({&base, {{f, value}}});
    if (out.size() > most) out.resize(most);
    return out;
}

// Pairs of changes of the features that come nearest to the wanted answer for what they cost.
std::vector<Variant> pairs_of(const Oracle& oracle, const std::vector<Variant>& singles,
                              const std::vector<Verdict>& verdicts) {
    const double start = oracle.judge().original().margin;
    struct Gain {
        Edit edit;
        double rate;
    };
    std::vector<Gain> gains;
    for (size_t i = 0; i < singles.size(); ++i) {
        const auto [f, value] = singles[i].edits[0];
        const double rate =
            (verdicts[i].margin - start) / oracle.features().distance(f, oracle.input()[f], value);
        if (rate > 0) gains.push_back({singles[i].edits[0], rate});
    }
    std::ranges::stable_sort(gains, std::greater{}, &Gain::rate);
    std::vector<std::vector<Edit>> chosen;  // of each feature
    for (const Gain& gain : gains) {
        const auto own = std::ranges::find_if(
            chosen, [&](const auto& edits) { return edits[0].feature == gain.edit.feature; });
        if (own == chosen.end() && chosen.size() < paired_features)
            chosen.push_back({gain.edit});
        else if (own != chosen.end() && own->size() < paired_values)
            own->push_back(gain.edit);
    }
    std::vector<Variant> out;
    for (size_t a = 0; a < chosen.size(); ++a)
        for (size_t b = 0; b < a; ++b)
            for (const Edit& one : chosen[a])
                for (const Edit& other : chosen[b]) out.push_back({&oracle.input(), {one, other}});
    return out;
}

// From the best so far, one change at a time.
void climb(Oracle& oracle, const Limits& limits, Pool& pool) {
    while (pool.empty() && oracle.left() > 0) {
        const State base = pool.best();
        const double before = pool.best_margin();
        static_cast<void>(
            pool.ask(single_changes(limits, base, static_cast<size_t>(oracle.left()))));
        if (!(pool.best_margin() > before)) return;
    }
}

std::vector<State> search(Oracle& oracle, const Limits& limits,
                          const CounterfactualOptions& options) {
    if (oracle.judge().original().valid) return {oracle.input()};
    const auto seeds = static_cast<size_t>(seeds_per_result * options.count);
    Pool rows(oracle, seeds), changes(oracle, 2 * seeds);
    try_rows(oracle, limits, rows);
    const std::vector<Variant> singles =
        single_changes(limits, oracle.input(), static_cast<size_t>(oracle.left() / 4));
    const std::vector<Verdict> verdicts = changes.ask(singles);
    static_cast<void>(changes.ask(pairs_of(oracle, singles, verdicts)));
    if (rows.empty() && changes.empty()) {
        Pool& better = changes.best_margin() > rows.best_margin() ? changes : rows;
        climb(oracle, limits, better);
        if (better.empty()) return {better.best()};
    }
    std::vector<State> states = rows.states();
    std::ranges::move(changes.states(), std::back_inserter(states));
    if (options.sparsity) polish(oracle, limits, states);
    std::vector<State> out;
    for (const size_t i : select_diverse(oracle.features(), oracle.input(), states, options.count,
                                         options.diversity))
        out.push_back(states[i]);
    return out;
}

}  // namespace

DiverseCounterfactuals::DiverseCounterfactuals(const Model& model, Schema schema,
                                               const Tensor& background,
                                               CounterfactualOptions options)
    : model_(model),
      options_(checked(std::move(options))),
      features_(read_features(std::move(schema), background, options_.constraints.one_hot)) {}

DiverseCounterfactuals::DiverseCounterfactuals(const Model& model,
                                               std::shared_ptr<const Features> features,
                                               CounterfactualOptions options)
    : model_(model), options_(checked(std::move(options))), features_(std::move(features)) {}

DiverseCounterfactuals::~DiverseCounterfactuals() = default;

Explanation DiverseCounterfactuals::explain(const Batch& input, const Target& target,
                                            const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    Oracle oracle(model_, *features_, input, target, options_.wanted, options_.budget, run);
    const Limits limits(*features_, options_.constraints, oracle.input());
    const std::vector<State> states = search(oracle, limits, options_);
    const bool there = oracle.judge().original().valid;
    return explanation_of("counterfactuals", describe(oracle, states, options_.classes), oracle,
                          there ? 1 : options_.count, start);
}

}  // namespace whence
