#include "whence/metrics/axioms.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"

namespace whence::metrics {
namespace {

void require_not_negative(const char* what, double value) {
    if (!(value >= 0))
        throw Error(ErrorKind::usage, fmt::format("{} of {}; take 0 or more", what, value));
}

}  // namespace

Additivity additivity(double sum, double whole, double baseline, double tolerance) {
    const double wanted = whole - baseline;
    const double rounding = 1e-8 * std::max({1.0, std::abs(whole), std::abs(baseline)});
    Additivity out{.error = sum - wanted};
    if (std::abs(wanted) > rounding) out.relative = std::abs(out.error) / std::abs(wanted);
    out.complete = std::abs(out.error) <= tolerance * std::abs(wanted) + rounding;
    return out;
}

Pending Completeness::plan(Questions& questions, int64_t i, const Run&) const {
    require_not_negative("a tolerance", options_.tolerance);
    const std::vector<double>& values = questions.explained(i).values;
    return [sum = std::accumulate(values.begin(), values.end(), 0.0), whole = questions.whole(i),
            none = questions.none(i), tolerance = options_.tolerance](const Questions& answers) {
        const Additivity found =
            additivity(sum, answers.answer(whole), answers.answer(none), tolerance);
        return Score{.value = found.complete ? 1.0 : 0.0, .curve = {found.error}};
    };
}

Pending NonSensitivity::plan(Questions& questions, int64_t i, const Run&) const {
    require_not_negative("a value", options_.value_below);
    require_not_negative("a change", options_.change_below);
    std::vector<Ticket> alone;
    std::vector<bool> silent;
    double largest = 0;
    for (const double value : questions.explained(i).values)
        largest = std::max(largest, std::abs(value));
    const Order order = questions.ranked(i);
    for (int64_t at = 0; at < questions.players(i); ++at) {
        const double value = questions.explained(i).values[questions.players_of(order)[at]];
        silent.push_back(std::abs(value) <= options_.value_below * largest);
        alone.push_back(questions.without(order, at, at + 1));
    }
    return [alone = std::move(alone), silent = std::move(silent), whole = questions.whole(i),
            below = options_.change_below](const Questions& answers) {
        Score score;
        for (size_t at = 0; at < alone.size(); ++at) {
            const double change = answers.answer(whole) - answers.answer(alone[at]);
            if (silent[at] != (std::abs(change) <= below)) ++score.value;
        }
        return score;
    };
}

}  // namespace whence::metrics
