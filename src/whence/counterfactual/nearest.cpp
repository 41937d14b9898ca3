#include <algorithm>
#include <numeric>

#include "whence/core/error.h"
#include "whence/counterfactual/report.h"

namespace whence {
namespace {

using namespace counterfactual;  // the helpers of this folder

// Rows asked at a time, the nearest first: as many again as before, so that a near one costs
// little.
constexpr size_t first_block = 64;

bool within(const Limits& limits, const State& state) {
    for (size_t f = 0; f < state.size(); ++f)
        if (!limits.allows(f, state[f])) return false;
    return true;
}

std::vector<State> nearest_valid(Oracle& oracle, const Limits& limits, int64_t count) {
    const Features& features = oracle.features();
    const std::vector<double> distances = features.distances(oracle.input(), oracle.run());
    std::vector<int64_t> order(distances.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](int64_t row) { return distances[row]; });
    std::vector<State> found, block;
    std::vector<State> best;
    double best_margin = -std::numeric_limits<double>::infinity();
    const auto flush = [&] {
        const std::vector<Verdict> verdicts = oracle.ask(block);
        for (size_t i = 0; i < block.size(); ++i) {
            const auto same = [&](const State& other) {
                return features.distance(other, block[i]) == 0;
            };
            if (verdicts[i].valid && std::ranges::none_of(found, same)) found.push_back(block[i]);
            if (verdicts[i].margin > best_margin) {
                best_margin = verdicts[i].margin;
                best = {block[i]};
            }
        }
        block.clear();
    };
    size_t size = first_block;
    for (size_t i = 0;
         i < order.size() && static_cast<int64_t>(found.size()) < count && oracle.left() > 0; ++i) {
        State state = features.example(order[i]);
        if (!within(limits, state)) continue;
        block.push_back(std::move(state));
        if (block.size() < size) continue;
        flush();
        size *= 2;
    }
    if (static_cast<int64_t>(found.size()) < count && !block.empty()) flush();
    if (found.empty()) return best;
    if (static_cast<int64_t>(found.size()) > count) found.resize(static_cast<size_t>(count));
    return found;
}

}  // namespace

NearestUnlikeNeighbour::NearestUnlikeNeighbour(const Model& model, Schema schema,
                                               const Tensor& background,
                                               CounterfactualOptions options)
    : model_(model),
      options_(checked(std::move(options))),
      features_(read_features(std::move(schema), background, options_.constraints.one_hot)) {}

NearestUnlikeNeighbour::NearestUnlikeNeighbour(const Model& model,
                                               std::shared_ptr<const Features> features,
                                               CounterfactualOptions options)
    : model_(model), options_(checked(std::move(options))), features_(std::move(features)) {}

NearestUnlikeNeighbour::~NearestUnlikeNeighbour() = default;

Explanation NearestUnlikeNeighbour::explain(const Batch& input, const Target& target,
                                            const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    Oracle oracle(model_, *features_, input, target, options_.wanted, options_.budget, run);
    const Limits limits(*features_, options_.constraints, oracle.input());
    const std::vector<State> states = nearest_valid(oracle, limits, options_.count);
    Explanation explanation =
        explanation_of("nearest-unlike-neighbour", describe(oracle, states, options_.classes),
                       oracle, options_.count, start);
    if (states.empty())
        explanation.diagnostics.notes.push_back("the constraints allow no row of the data");
    return explanation;
}

}  // namespace whence
