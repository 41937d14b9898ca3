#include <algorithm>
#include <cmath>

#include "whence/render/facts.h"
#include "whence/render/map.h"
#include "whence/render/number.h"
#include "whence/render/ranking.h"

namespace whence::render {
namespace {

// Below the first an error does not change what a reader would conclude; above the second it may.
constexpr double small_error = 0.01, large_error = 0.1;
// Rounding of float32 sums: shown as "exactly".
constexpr double rounding_error = 1e-5;
// Half of the variance unexplained: the local model is no description of the model any more.
constexpr double poor_fit = 0.5, good_fit = 0.9;

// Digits that tell `a` from `b`, 3 to 6.
int digits_for(double a, double b) {
    int digits = 3;
    while (digits < 6 && number(a, digits) == number(b, digits)) ++digits;
    return digits;
}

void add_completeness(const Explanation& explanation, std::vector<Finding>& out) {
    const Diagnostics& diagnostics = explanation.diagnostics;
    if (!diagnostics.attribution_error) {
        const std::string because = clean(diagnostics.no_error_because);
        out.push_back({Level::remark, "The weights do not claim to add up to the prediction" +
                                          (because.empty() ? "." : ": " + because + ".")});
        return;
    }
    const double error = *diagnostics.attribution_error;
    const double wanted = explanation.target.value - explanation.target.baseline_value.value_or(0);
    if (!std::isfinite(error) || !std::isfinite(wanted)) {
        out.push_back({Level::warning, "The sum of the attributions is not a number."});
        return;
    }
    const int digits = digits_for(wanted + error, wanted);
    const std::string sums = "The attributions add up to " + number(wanted + error, digits) +
                             " of " + number(wanted, digits) +
                             ", the difference f(x) - f(baseline)";
    if (!diagnostics.relative_error) {
        out.push_back({Level::warning, sums + "."});
        return;
    }
    const double relative = *diagnostics.relative_error;
    const Level level = relative <= small_error   ? Level::good
                        : relative <= large_error ? Level::remark
                                                  : Level::warning;
    const bool beyond = std::abs(wanted + error) > std::abs(wanted) && error * wanted > 0;
    if (relative <= rounding_error)
        out.push_back({level, sums + ": exact up to rounding."});
    else if (beyond)
        out.push_back({level, sums + ": " + percent(relative) + " too much."});
    else
        out.push_back({level, sums + ": " + percent(relative) + " is unexplained."});
}

void add_fit(const Explanation& explanation, std::vector<Finding>& out) {
    const Diagnostics& diagnostics = explanation.diagnostics;
    if (diagnostics.surrogate_r2) {
        const double fit = *diagnostics.surrogate_r2;
        const Level level = fit >= good_fit   ? Level::good
                            : fit >= poor_fit ? Level::remark
                                              : Level::warning;
        out.push_back({level, "The simple model behind the weights explains " +
                                  percent(std::max(0.0, fit)) +
                                  " of how the prediction varies around "
                                  "this input (R\u00b2 " +
                                  number(fit) + ")" +
                                  (fit < poor_fit ? ": take the weights as rough." : ".")});
    }
    if (diagnostics.local_prediction)
        out.push_back({Level::remark, "At the input itself the simple model says " +
                                          number(*diagnostics.local_prediction) + ", the model " +
                                          number(explanation.target.value) + "."});
}

void add_convergence(const Diagnostics& diagnostics, std::vector<Finding>& out) {
    if (!diagnostics.converged) return;
    if (*diagnostics.converged)
        out.push_back({Level::good, "The method met its tolerance."});
    else
        out.push_back({Level::warning,
                       "The method used up its budget before it met its tolerance: "
                       "more evaluations may change the weights."});
}

// A weight within two standard errors of zero could have either sign.
void add_standard_errors(const Explanation& explanation, std::vector<Finding>& out) {
    if (explanation.attribution.standard_errors.empty()) return;
    const Ranking all = rank(explanation, explanation.attribution.values.size());
    int64_t unsettled = 0, counted = 0;
    double largest = 0;
    for (const Weight& weight : all.top) {
        if (!weight.standard_error) continue;
        ++counted;
        largest = std::max(largest, *weight.standard_error);
        if (std::abs(weight.value) < 2 * *weight.standard_error) ++unsettled;
    }
    if (counted == 0) return;
    std::string text =
        "The method samples: the largest standard error of a weight is " + number(largest, 2) + ".";
    if (unsettled > 0)
        text += " For " + count(unsettled) + " of " + count(counted) +
                " weights even the sign is not settled (within two standard errors of zero).";
    out.push_back({unsettled > 0 ? Level::remark : Level::good, text});
}

// The strongest pairs, where the method looks at pairs.
void add_interactions(const Explanation& explanation, std::vector<Finding>& out) {
    if (!explanation.interactions) return;
    struct Pair {
        int64_t first, second;
        double effect;
    };
    constexpr size_t most = 3;
    const Tensor& values = explanation.interactions->values;
    const int64_t size = values.rows();
    const std::vector<double> all = values.to_doubles();
    std::vector<Pair> pairs;
    for (int64_t i = 0; i < size; ++i)
        for (int64_t j = 0; j < i; ++j)
            pairs.push_back({j, i, all[i * size + j] + all[j * size + i]});
    std::erase_if(pairs, [](const Pair& pair) { return !(std::abs(pair.effect) > 0); });
    std::ranges::stable_sort(pairs, std::ranges::greater{},
                             [](const Pair& pair) { return std::abs(pair.effect); });
    if (pairs.empty()) {
        out.push_back({Level::remark, "No two features act together: every pair has effect 0."});
        return;
    }
    if (pairs.size() > most) pairs.resize(most);
    const std::vector<std::string>& names = explanation.attribution.names;
    const auto called = [&](int64_t i) {
        return i < static_cast<int64_t>(names.size()) ? clean(names[i])
                                                      : "feature " + std::to_string(i);
    };
    std::string text;
    for (const Pair& pair : pairs)
        text += (text.empty() ? "" : "; ") + called(pair.first) + " with " + called(pair.second) +
                " (" + typeset(signed_number(pair.effect)) + ")";
    out.push_back({Level::remark, "What pairs do together, the strongest first: " + text + "."});
}

void add_values(const Explanation& explanation, std::vector<Finding>& out) {
    const Ranking ranking = rank(explanation, 0);
    if (explanation.attribution.values.size() == 0)
        out.push_back({Level::warning, "There are no features to attribute anything to."});
    else if (ranking.not_numbers > 0)
        out.push_back({Level::warning, "Not numbers: " + count(ranking.not_numbers) + " of " +
                                           count(explanation.attribution.values.size()) +
                                           " weights. Sums leave them out."});
    else if (ranking.largest == 0)
        out.push_back({Level::remark, "Every weight is exactly zero."});
}

std::string opening(const Explanation& explanation) {
    const TargetRecord& target = explanation.target;
    const std::string what = target_name(target), value = typeset(number(target.value));
    if (target.resolved.minus || !link_of(explanation).empty())
        return "The model's " + scale_name(explanation) + " of " + what + " is " + value + ".";
    switch (target.resolved.scale) {
        case Scale::probability:
            return "The model gives " + what + " a probability of " + value + ".";
        case Scale::logit:
            return "The model's logit (its score before the final softmax) for " + what + " is " +
                   value + ".";
        case Scale::log_probability:
            return "The model's log-probability of " + what + " is " + value + ".";
        default:
            return "The model's raw output for " + what + " is " + value + ".";
    }
}

std::string strongest(const std::vector<Weight>& weights, bool raising) {
    for (const Weight& weight : weights) {
        if (raising ? weight.value <= 0 : weight.value >= 0) continue;
        if (!std::isfinite(weight.value)) continue;
        return label_of(weight) + " (" + typeset(signed_number(weight.value)) + ")";
    }
    return "";
}

std::string main_point(const Explanation& explanation) {
    if (kind(explanation) == Kind::pixels) {
        const Map map = map_of(explanation);
        const double half = half_mass(map);
        if (half == 0) return "";
        return " Half of the total weight lies in " + percent(half) + " of the " +
               count(map.height * map.width) + " " + unit(map) + ".";
    }
    const Ranking all = rank(explanation, explanation.attribution.values.size());
    const std::string up = strongest(all.top, true), down = strongest(all.top, false);
    std::string out;
    if (!up.empty()) out += " What raises it most: " + up + ".";
    if (!down.empty()) out += " What lowers it most: " + down + ".";
    return out;
}

std::string players(const Explanation& explanation) {
    const int64_t values = explanation.attribution.values.size();
    const auto plural = [](int64_t n, const std::string& noun) {
        return count(n) + " " + noun + (n == 1 ? "" : "s");
    };
    switch (kind(explanation)) {
        case Kind::segments:
            return plural(values, "segment") + " of the image";
        case Kind::pixels: {
            const Map map = map_of(explanation);
            return std::to_string(map.height) + " \u00d7 " + std::to_string(map.width) + " " +
                   unit(map);
        }
        default:
            return plural(values, "feature");
    }
}

}  // namespace

std::vector<Finding> findings(const Explanation& explanation) {
    std::vector<Finding> out;
    add_completeness(explanation, out);
    add_fit(explanation, out);
    add_convergence(explanation.diagnostics, out);
    add_standard_errors(explanation, out);
    add_interactions(explanation, out);
    add_values(explanation, out);
    for (const std::string& note : explanation.diagnostics.notes)
        out.push_back({Level::remark, clean(note, 1000)});
    return out;
}

std::string summary(const Explanation& explanation) {
    const TargetRecord& target = explanation.target;
    const std::string method = method_title(explanation.provenance.method);
    std::string out = opening(explanation);
    if (target.baseline_value) {
        const std::string baseline = clean(target.baseline);
        out += " At the baseline" + (baseline.empty() ? "" : " (" + baseline + ")") + " it is " +
               typeset(number(*target.baseline_value)) + ". " + method +
               " spreads the difference of " +
               typeset(signed_number(target.value - *target.baseline_value)) + " over " +
               players(explanation) + ".";
    } else {
        out += " " + method + " weighs " + players(explanation) + ".";
    }
    return out + main_point(explanation);
}

}  // namespace whence::render
