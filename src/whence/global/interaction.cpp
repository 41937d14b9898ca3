#include "whence/global/interaction.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/global/questions.h"

namespace whence::global {
namespace {

using Strength = InteractionStrengths::Strength;

void remove_mean(std::vector<double>& values) {
    const double mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    for (double& value : values) value -= mean;
}

// Partial dependence on the `fixed` columns, at the values that each row has of them; centred.
std::vector<double> dependence_at_rows(const Task& task, const std::vector<int64_t>& fixed,
                                       const Run& run) {
    const int64_t n = task.rows.rows();
    const std::vector<double> values = ask(
        task, n * n,
        [&](int64_t i, std::span<double> row) {
            std::ranges::copy(task.row(i % n), row.begin());
            for (const int64_t feature : fixed) row[feature] = task.row(i / n)[feature];
        },
        "interactions", run);
    std::vector<double> out(n);
    for (int64_t i = 0; i < n; ++i)
        out[i] = std::accumulate(values.begin() + i * n, values.begin() + (i + 1) * n, 0.0) /
                 static_cast<double>(n);
    remove_mean(out);
    return out;
}

// The root of sum (whole - a - b)^2 / sum whole^2. What is rounding beside the values is nothing.
Strength strength_of(const std::vector<double>& whole, const std::vector<double>& a,
                     const std::vector<double>& b) {
    double apart = 0, all = 0, parts = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
        apart += std::pow(whole[i] - a[i] - b[i], 2);
        all += whole[i] * whole[i];
        parts += a[i] * a[i] + b[i] * b[i];
    }
    constexpr double rounding = 1e-24;  // (1e-12)^2
    if (apart <= rounding * (all + parts)) return {};
    return {.h = std::sqrt(apart / all),
            .strength = std::sqrt(apart / static_cast<double>(whole.size()))};
}

}  // namespace

InteractionStrengths interaction(const Task& task, const std::vector<int64_t>& features,
                                 const InteractionOptions& options, const Run& run) {
    if (options.top < 1) throw Error(ErrorKind::usage, "top is less than 1");
    std::vector<double> whole = predictions(task, run);
    remove_mean(whole);
    InteractionStrengths out{.features = features};
    std::vector<std::vector<double>> alone;
    for (const int64_t feature : features) {
        std::vector<int64_t> others;
        for (int64_t other = 0; other < task.columns(); ++other)
            if (other != feature) others.push_back(other);
        alone.push_back(dependence_at_rows(task, {feature}, run));
        out.totals.push_back(
            strength_of(whole, alone.back(), dependence_at_rows(task, others, run)));
    }
    std::vector<size_t> order(features.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater<>{},
                             [&](size_t i) { return out.totals[i].strength; });
    order.resize(std::min(order.size(), static_cast<size_t>(options.top)));
    std::ranges::sort(order);
    for (size_t a = 0; a < order.size(); ++a)
        for (size_t b = a + 1; b < order.size(); ++b) {
            const int64_t first = features[order[a]], second = features[order[b]];
            out.pairs.push_back({first, second,
                                 strength_of(dependence_at_rows(task, {first, second}, run),
                                             alone[order[a]], alone[order[b]])});
        }
    std::ranges::stable_sort(out.pairs, std::greater<>{},
                             [](const auto& pair) { return pair.interaction.strength; });
    return out;
}

}  // namespace whence::global
