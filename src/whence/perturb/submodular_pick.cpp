#include "whence/perturb/submodular_pick.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "whence/core/error.h"

namespace whence {
namespace {

struct Weights {
    std::vector<std::map<size_t, double>> rows;  // feature -> |weight|, those above 0
    std::vector<double> importance;
};

std::string name_of(const Attribution& attribution, size_t index) {
    return index < attribution.names.size() ? attribution.names[index]
                                            : "feature " + std::to_string(index);
}

Weights weights_of(const std::vector<Explanation>& explanations) {
    Weights out;
    std::map<std::string, size_t> places;
    for (const Explanation& explanation : explanations) {
        const Attribution& attribution = explanation.attribution;
        const std::vector<double> values = attribution.values.to_doubles();
        out.rows.emplace_back();
        for (size_t i = 0; i < values.size(); ++i) {
            const size_t place =
                places.emplace(name_of(attribution, i), places.size()).first->second;
            if (std::isfinite(values[i]) && values[i] != 0)
                out.rows.back()[place] += std::abs(values[i]);
        }
    }
    out.importance.resize(places.size());
    for (const auto& row : out.rows)
        for (const auto& [place, weight] : row) out.importance[place] += weight;
    for (double& importance : out.importance) importance = std::sqrt(importance);
    return out;
}

// In the order of the features, so that the same features give the same bits whoever shows them.
double covered_by(const std::vector<bool>& covered, const Weights& weights, size_t with) {
    double sum = 0;
    for (size_t j = 0; j < covered.size(); ++j)
        if (covered[j] || weights.rows[with].contains(j)) sum += weights.importance[j];
    return sum;
}

}  // namespace

Pick submodular_pick(const std::vector<Explanation>& explanations, int64_t count) {
    if (explanations.empty()) throw Error(ErrorKind::usage, "there is no explanation to pick from");
    if (count < 1 || count > std::ssize(explanations))
        throw Error(ErrorKind::usage, fmt::format("cannot pick {} of {} explanations", count,
                                                  explanations.size()));
    const Weights weights = weights_of(explanations);
    double all = 0;
    for (const double importance : weights.importance) all += importance;
    std::vector<bool> covered(weights.importance.size()), taken(explanations.size());
    Pick out;
    while (std::ssize(out.rows) < count) {
        double best = -1;
        size_t chosen = 0;
        for (size_t row = 0; row < taken.size(); ++row) {
            if (taken[row]) continue;
            const double now = covered_by(covered, weights, row);
            if (now < best) continue;
            best = now;
            chosen = row;
        }
        taken[chosen] = true;
        for (const auto& [place, weight] : weights.rows[chosen]) covered[place] = true;
        out.rows.push_back(static_cast<int64_t>(chosen));
        out.coverage.push_back(all > 0 ? best / all : 0);
    }
    return out;
}

}  // namespace whence
