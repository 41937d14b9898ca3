#include "whence/metrics/consistency.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "whence/core/error.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {

ClassPairs class_pairs(MatrixView<const double> explanations, std::span<const int64_t> classes,
                       Distance kind, Normalisation normalisation, const Run& run) {
    const auto n = static_cast<int64_t>(classes.size());
    if (explanations.rows != n)
        throw Error(ErrorKind::input,
                    fmt::format("{} classes for {} explanations", n, explanations.rows));
    const std::vector<double> all = pair_distances(explanations, kind, normalisation, run);
    ClassPairs pairs;
    std::map<int64_t, std::vector<double>> within;
    size_t next = 0;
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = i + 1; j < n; ++j) {
            const double apart = all[next++];
            if (std::isnan(apart))
                ++pairs.skipped;
            else if (classes[i] == classes[j])
                within[classes[i]].push_back(apart);
            else
                pairs.different.push_back(apart);
        }
    for (const auto& [which, distances] : within) {
        pairs.same.insert(pairs.same.end(), distances.begin(), distances.end());
        pairs.of_class.push_back(std::ssize(distances));
    }
    return pairs;
}

std::string_view name(MegeScale scale) {
    switch (scale) {
        case MegeScale::largest_class:
            return "largest-class";
        case MegeScale::largest_pair:
            return "largest-pair";
        case MegeScale::absolute:
            return "absolute";
    }
    throw Error(ErrorKind::internal, "a scale of MeGe without a name");
}

double mege(const ClassPairs& pairs, MegeScale scale) {
    if (pairs.same.empty())
        throw Error(
            ErrorKind::input,
            "mege compares explanations within a class: no class has two that can be compared");
    std::vector<double> of_class;
    size_t first = 0;
    for (const int64_t count : pairs.of_class) {
        of_class.push_back(mean(std::span(pairs.same).subspan(first, count)));
        first += count;
    }
    const double typical = mean(of_class);
    if (scale == MegeScale::absolute) return 1 / (1 + typical);
    double largest = *std::ranges::max_element(of_class);
    if (scale == MegeScale::largest_pair)
        for (const auto* side : {&pairs.same, &pairs.different})
            for (const double apart : *side) largest = std::max(largest, apart);
    return largest > 0 ? std::max(0.0, 1 - typical / largest) : 1;
}

Reco reco(const ClassPairs& pairs) {
    if (pairs.same.empty() || pairs.different.empty())
        throw Error(ErrorKind::input,
                    fmt::format("reco needs pairs within a class and between classes; there are {} "
                                "and {}",
                                pairs.same.size(), pairs.different.size()));
    std::vector<std::pair<double, bool>> sorted;
    sorted.reserve(pairs.same.size() + pairs.different.size());
    for (const double apart : pairs.same) sorted.emplace_back(apart, true);
    for (const double apart : pairs.different) sorted.emplace_back(apart, false);
    std::ranges::sort(sorted);
    const auto positives = static_cast<double>(pairs.same.size());
    const auto negatives = static_cast<double>(pairs.different.size());
    Reco best{.value = -1};
    double below_same = 0, below_different = 0;
    for (size_t i = 0; i <= sorted.size(); ++i) {
        // Of equal distances the first alone is a candidate: it has all smaller ones below it.
        if (i == 0 || i == sorted.size() || sorted[i].first != sorted[i - 1].first) {
            const double tpr = below_same / positives, tnr = 1 - below_different / negatives;
            if ((tpr + tnr) / 2 > best.value)
                best = {.value = (tpr + tnr) / 2,
                        .delta = i < sorted.size() ? sorted[i].first
                                                   : std::numeric_limits<double>::infinity(),
                        .true_positives = tpr,
                        .true_negatives = tnr};
        }
        if (i < sorted.size()) (sorted[i].second ? below_same : below_different) += 1;
    }
    return best;
}

}  // namespace whence::metrics
