#include "whence/evaluate/groups.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "whence/metrics/fairness.h"

namespace whence::evaluate {
namespace {

constexpr size_t most_values = 8;

double median_of(std::vector<double> values) {
    std::ranges::sort(values);
    const size_t n = values.size();
    return n % 2 != 0 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

QualityGap gap_of(const Grouping& grouping, std::span<const double> scores, int64_t permutations, int64_t resamples,
                  const Run& run) {
    QualityGap out{.column = grouping.column};
    for (const metrics::GroupMean& mean : metrics::means_by_group(scores, grouping.of, run, resamples))
        out.groups.push_back({.group = grouping.names[mean.group],
                              .samples = mean.rows,
                              .value = mean.mean,
                              .low = mean.low,
                              .high = mean.high});
    const metrics::GroupGap gap = metrics::gap_between_groups(scores, grouping.of, run, permutations, resamples);
    out.gap = gap.gap;
    out.low = gap.low;
    out.high = gap.high;
    out.p_value = gap.p_value;
    if (gap.higher >= 0) out.higher = grouping.names[gap.higher];
    if (gap.lower >= 0) out.lower = grouping.names[gap.lower];
    return out;
}

}  // namespace

Grouping group_by(const Feature& feature, std::span<const double> values) {
    Grouping out{.column = feature.name, .of = std::vector<int64_t>(values.size(), -1)};
    std::vector<double> known;
    for (const double value : values)
        if (!std::isnan(value)) known.push_back(value);
    const std::set<double> different(known.begin(), known.end());
    if (feature.categorical() || different.size() <= most_values) {
        for (const double value : different) out.names.push_back(display(feature, value));
        for (size_t i = 0; i < values.size(); ++i)
            if (!std::isnan(values[i])) out.of[i] = std::distance(different.begin(), different.find(values[i]));
        return out;
    }
    const double middle = median_of(known);
    out.names = {"up to " + display(feature, middle), "above " + display(feature, middle)};
    for (size_t i = 0; i < values.size(); ++i)
        if (!std::isnan(values[i])) out.of[i] = values[i] > middle;
    return out;
}

std::vector<QualityGap> quality_gaps(const ScoreCard& card, std::span<const Grouping> groupings, const Run& run) {
    const auto rows = std::ranges::count_if(card.table, [](const ScoreCardRow& row) { return !row.of_data_set; });
    const int64_t comparisons = rows * std::ssize(card.methods) * std::ssize(groupings);
    // A p-value of 0.05 / comparisons must be one that can come out.
    const int64_t permutations = std::clamp<int64_t>(100 * comparisons, 2000, 50000);
    std::vector<QualityGap> out;
    for (const Grouping& grouping : groupings)
        for (const ScoreCardRow& row : card.table) {
            if (row.of_data_set) continue;
            for (size_t m = 0; m < card.methods.size(); ++m) {
                run.check();
                const std::vector<double>& scores = row.of[m].scores;
                if (std::ranges::all_of(scores, [](double score) { return std::isnan(score); })) continue;
                out.push_back(gap_of(grouping, scores, permutations, card.resamples, run));
                out.back().metric = row.metric;
                out.back().method = card.methods[m].name;
            }
        }
    return out;
}

}  // namespace whence::evaluate
