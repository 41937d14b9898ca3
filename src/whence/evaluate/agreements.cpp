#include "whence/evaluate/agreements.h"

#include <cmath>

#include "whence/evaluate/estimates.h"
#include "whence/metrics/statistics.h"

namespace whence::evaluate {
namespace {

// Scores [sample][method] of the methods that count, less the sample's mean; NaN: not all are
// there.
std::vector<std::vector<double>> centred(const ScoreCard& card, const ScoreCardRow& row,
                                         const std::vector<size_t>& methods) {
    const double sign = row.higher_is_better ? 1 : -1;
    std::vector<std::vector<double>> out;
    for (int64_t s = 0; s < card.samples; ++s) {
        std::vector<double>& of_sample = out.emplace_back();
        for (const size_t m : methods) of_sample.push_back(sign * row.of[m].scores[s]);
        if (methods.size() < 2) continue;
        const double mean = metrics::mean(of_sample);
        for (double& score : of_sample) score -= mean;
    }
    return out;
}

}  // namespace

std::vector<Agreement> agreements(const ScoreCard& card, const Run& run) {
    constexpr int64_t resample_count = 500;
    std::vector<size_t> methods;
    for (size_t m = 0; m < card.methods.size(); ++m)
        if (!card.methods[m].control) methods.push_back(m);
    std::vector<Agreement> out;
    if (methods.empty() || card.samples < fewest_pairs) return out;
    std::vector<const ScoreCardRow*> rows;
    std::vector<std::vector<std::vector<double>>> scores;
    for (const ScoreCardRow& row : card.table) {
        if (row.of_data_set) continue;
        rows.push_back(&row);
        scores.push_back(centred(card, row, methods));
    }
    for (size_t a = 0; a < rows.size(); ++a)
        for (size_t b = a + 1; b < rows.size(); ++b) {
            run.check();
            std::vector<double> first, second;
            int64_t samples = 0;
            for (int64_t s = 0; s < card.samples; ++s) {
                const double known = metrics::mean(scores[a][s]) + metrics::mean(scores[b][s]);
                if (std::isnan(known)) continue;
                ++samples;
                first.insert(first.end(), scores[a][s].begin(), scores[a][s].end());
                second.insert(second.end(), scores[b][s].begin(), scores[b][s].end());
            }
            if (samples < fewest_pairs) continue;
            // Ranks are taken once: a resample picks among them.
            const std::vector<double> x = metrics::mid_ranks(first), y = metrics::mid_ranks(second);
            const auto each = static_cast<int64_t>(methods.size());
            const Statistic correlation = [&](std::span<const int64_t> picked) {
                std::vector<double> u, v;
                for (const int64_t s : picked)
                    for (int64_t m = 0; m < each; ++m) {
                        u.push_back(x[s * each + m]);
                        v.push_back(y[s * each + m]);
                    }
                return metrics::pearson(u, v);
            };
            Agreement found{rows[a]->metric, rows[b]->metric, metrics::pearson(x, y), 0, 0};
            if (std::isnan(found.correlation)) continue;
            const auto interval =
                percentiles(resampled(correlation, {samples, resample_count, card.seed}, run));
            if (!interval) continue;
            found.low = interval->low;
            found.high = interval->high;
            out.push_back(std::move(found));
        }
    return out;
}

}  // namespace whence::evaluate
