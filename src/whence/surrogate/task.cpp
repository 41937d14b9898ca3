#include "whence/surrogate/task.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/rng.h"

namespace whence::surrogate {

Split split_rows(int64_t rows, const Run& run) {
    constexpr int64_t least = 20;
    constexpr uint32_t stream = 0x5a303;
    std::vector<int32_t> order(rows);
    std::iota(order.begin(), order.end(), 0);
    Split out{.held_out = rows >= least};
    if (!out.held_out) {
        out.training.assign(order.begin(), order.end());
        out.test = out.training;
        return out;
    }
    Rng(run.seed, stream, 0).shuffle(order);
    const int64_t test = rows / 4;
    std::sort(order.begin(), order.begin() + test);
    std::sort(order.begin() + test, order.end());
    out.test.assign(order.begin(), order.begin() + test);
    out.training.assign(order.begin() + test, order.end());
    return out;
}

double value_at(const RuleList& list, const Schema& schema, std::span<const double> row) {
    for (const RuleList::Rule& rule : list.rules)
        if (std::ranges::all_of(rule.conditions, [&](const Condition& condition) {
                return condition.holds(row[condition.feature],
                                       schema[condition.feature].categorical());
            }))
            return rule.value;
    return std::nan("");
}

double value_at(const LinearSurrogate& linear, std::span<const double> row) {
    double out = linear.intercept;
    for (const LinearSurrogate::Term& term : linear.terms) {
        const double value = row[term.feature];
        out += term.weight * (term.category ? (value == static_cast<double>(*term.category) ? 1 : 0)
                              : std::isnan(value) ? term.missing
                                                  : value);
    }
    return out;
}

Fidelity fidelity(const Answers& answers, const Split& split,
                  const std::function<double(std::span<const double>)>& surrogate) {
    double weight = 0, sum = 0, wrong = 0, spread = 0, agree = 0;
    for (const int64_t i : split.test) {
        weight += answers.weight(i);
        sum += answers.weight(i) * answers.values[i];
    }
    const double mean = weight > 0 ? sum / weight : 0;
    for (const int64_t i : split.test) {
        const double w = answers.weight(i), f = answers.values[i], s = surrogate(answers.row(i));
        wrong += w * (f - s) * (f - s);
        spread += w * (f - mean) * (f - mean);
        agree += w * ((f > 0.5) == (s > 0.5) ? 1 : 0);
    }
    Fidelity out{.rows = std::ssize(split.test), .held_out = split.held_out};
    // Answers that differ by rounding alone are the same.
    if (spread > 1e-24 * weight * std::max(1.0, mean * mean)) out.r2 = 1 - wrong / spread;
    if (answers.probabilities && weight > 0) out.agreement = agree / weight;
    return out;
}

}  // namespace whence::surrogate
