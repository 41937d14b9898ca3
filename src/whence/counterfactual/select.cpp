#include "whence/counterfactual/select.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace whence::counterfactual {
namespace {

constexpr double no_gain = 1e-9;  // of a determinant whose diagonal is 1: rounding

}  // namespace

std::vector<size_t> select_diverse(const Features& features, const State& input,
                                   const std::vector<State>& states, int64_t count,
                                   double diversity) {
    std::vector<double> distances;
    for (const State& state : states) distances.push_back(features.distance(input, state));
    std::vector<size_t> taken;
    if (states.empty()) return taken;
    const double nearest =
        std::max(std::ranges::min(distances), std::numeric_limits<double>::min());
    // Row i of the Cholesky factor of K over those taken, and what is left of its diagonal: by how
    // much det K grows if i is taken.
    std::vector<std::vector<double>> rows(states.size());
    std::vector<double> gain(states.size(), 1.0);
    while (static_cast<int64_t>(taken.size()) < count) {
        size_t best = states.size();
        double best_score = -std::numeric_limits<double>::infinity();
        for (size_t i = 0; i < states.size(); ++i) {
            if (gain[i] < no_gain) continue;
            const double score = diversity * std::log(gain[i]) - distances[i] / nearest;
            if (score > best_score) best = i, best_score = score;
        }
        if (best == states.size()) break;
        taken.push_back(best);
        const double root = std::sqrt(gain[best]);
        for (size_t i = 0; i < states.size(); ++i) {
            if (i == best || gain[i] < no_gain) continue;
            double value = 1 / (1 + features.distance(states[best], states[i]));
            for (size_t k = 0; k < rows[best].size(); ++k) value -= rows[best][k] * rows[i][k];
            rows[i].push_back(value / root);
            gain[i] -= rows[i].back() * rows[i].back();
        }
        gain[best] = 0;
    }
    return taken;
}

}  // namespace whence::counterfactual
