#include "whence/metrics/k_folds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

void check(const Folds& f) {
    const auto refuse = [](const std::string& why) { throw Error(ErrorKind::input, why); };
    if (f.models < 2)
        refuse(fmt::format("{} models cannot be compared; train 2 or more", f.models));
    if (f.inputs < 1 || f.inputs % f.models != 0)
        refuse(fmt::format("{} inputs do not make {} equal folds", f.inputs, f.models));
    if (std::ssize(f.explanations) != f.models * f.inputs * f.features)
        refuse(fmt::format("{} values for {} models, {} inputs and {} features",
                           f.explanations.size(), f.models, f.inputs, f.features));
    if (std::ssize(f.correct) != f.models * f.inputs)
        refuse(fmt::format("{} predictions for {} models and {} inputs", f.correct.size(), f.models,
                           f.inputs));
    require_finite(f.explanations, "explanations");
}

// Rates of those that do not equal gamma.
double rate(int64_t good, int64_t all) {
    return all > 0 ? static_cast<double>(good) / static_cast<double>(all) : 0;
}

}  // namespace

FoldPairs fold_pairs(const Folds& folds, const Run& run) {
    check(folds);
    const int64_t fold = folds.inputs / folds.models;
    const auto explanation = [&](int64_t model, int64_t input) {
        return folds.explanations.subspan((model * folds.inputs + input) * folds.features,
                                          folds.features);
    };
    struct Pair {
        int64_t i, j, input;
        bool agree;
    };
    std::vector<Pair> wanted;
    for (int64_t i = 0; i < folds.models; ++i)
        for (int64_t j = i + 1; j < folds.models; ++j)
            for (int64_t input = 0; input < folds.inputs; ++input) {
                const bool seen_by_one = input / fold == i || input / fold == j;
                const bool right_i = folds.correct[i * folds.inputs + input] != 0;
                const bool right_j = folds.correct[j * folds.inputs + input] != 0;
                if (seen_by_one && (right_i || right_j))
                    wanted.push_back({i, j, input, right_i && right_j});
            }
    std::vector<double> apart(wanted.size());
    parallel_for(run, std::ssize(wanted), 16, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p)
            apart[p] =
                distance(explanation(wanted[p].i, wanted[p].input),
                         explanation(wanted[p].j, wanted[p].input), Distance::unsigned_spearman);
    });
    FoldPairs pairs;
    for (size_t p = 0; p < wanted.size(); ++p) {
        if (std::isnan(apart[p]))
            ++pairs.skipped;
        else
            (wanted[p].agree ? pairs.agree : pairs.disagree).push_back(apart[p]);
    }
    return pairs;
}

double fold_mege(const FoldPairs& pairs) {
    if (pairs.agree.empty())
        throw Error(ErrorKind::input,
                    "mege: no input that two models both get right can be compared");
    return 1 / (1 + mean(pairs.agree));
}

double fold_reco(const FoldPairs& pairs, Thresholds thresholds) {
    if (pairs.agree.empty() || pairs.disagree.empty())
        throw Error(ErrorKind::input,
                    fmt::format("reco needs inputs that both models get right and inputs that one "
                                "does; there are {} and {}",
                                pairs.agree.size(), pairs.disagree.size()));
    std::vector<double> agree = pairs.agree, disagree = pairs.disagree, gammas = agree;
    gammas.insert(gammas.end(), disagree.begin(), disagree.end());
    for (auto* series : {&agree, &disagree, &gammas}) std::ranges::sort(*series);
    const size_t step = thresholds == Thresholds::all ? 1 : gammas.size() / 20 + 1;
    double best = 0;
    for (size_t g = 0; g < gammas.size(); g += step) {
        const auto [same_from, same_to] = std::ranges::equal_range(agree, gammas[g]);
        const auto [other_from, other_to] = std::ranges::equal_range(disagree, gammas[g]);
        const int64_t same_below = same_from - agree.begin(), same_above = agree.end() - same_to;
        const int64_t other_below = other_from - disagree.begin();
        const int64_t other_above = disagree.end() - other_to;
        best = std::max(best, rate(same_below, same_below + same_above) +
                                  rate(other_above, other_above + other_below) - 1);
    }
    return best;
}

}  // namespace whence::metrics
