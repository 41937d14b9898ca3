#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/render/facts.h"
#include "whence/render/map.h"
#include "whence/render/number.h"
#include "whence/render/ranking.h"
#include "whence/render/rule.h"

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
    // A method with a target of its own, which a note names.
    if (!explanation.target.baseline_value) {
        const std::string own = "What the weights should add up to (see the notes) is missed by " + signed_number(error, 2);
        if (!diagnostics.relative_error)
            out.push_back({Level::remark, own + "."});
        else if (*diagnostics.relative_error <= rounding_error)
            out.push_back({Level::good, "The weights add up to what they should (see the notes): exact up to rounding."});
        else
            out.push_back({*diagnostics.relative_error <= large_error ? Level::remark : Level::warning,
                           own + ", " + percent(*diagnostics.relative_error) + " of it."});
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

// What is known of a rule's precision from samples.
void add_precision(const Explanation& explanation, std::vector<Finding>& out) {
    const Rule& rule = *explanation.rule;
    if (explanation.diagnostics.converged == false)
        out.push_back({Level::warning, "No rule met the precision asked for."});
    out.push_back({explanation.diagnostics.converged == true ? Level::good : Level::remark,
                   "Of inputs for which the rule holds the model says the same of " +
                       percent(rule.precision) + " (between " + percent(rule.precision_low) +
                       " and " + percent(rule.precision_high) + ", with " +
                       percent(rule.confidence) + " confidence)."});
}

// What a rule claims, instead of weights that add up.
void add_rule(const Explanation& explanation, std::vector<Finding>& out) {
    const Rule& rule = *explanation.rule;
    if (is_proven(rule)) {
        out.push_back(
            {Level::good, "Every input for which the rule holds gets the same prediction."});
        if (explanation.diagnostics.converged == false)
            out.push_back(
                {Level::warning,
                 "The search ended early: the rule may be longer or narrower than need be."});
    } else {
        add_precision(explanation, out);
    }
    if (std::isnan(rule.coverage)) return;
    // Fewer than one input in a thousand: hardly more than the input itself.
    constexpr double narrow = 0.001;
    out.push_back({rule.coverage < narrow ? Level::warning : Level::remark,
                   "The rule holds for " + percent(rule.coverage) +
                       " of all inputs; of the others it says nothing."});
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

// Whether each is what it claims to be, and how far the data are.
void add_validity(const Explanation& explanation, std::vector<Finding>& out) {
    const std::vector<Counterfactual>& found = explanation.counterfactuals->found;
    const auto valid = std::ranges::count_if(found, &Counterfactual::valid);
    const bool complete = explanation.diagnostics.converged.value_or(true);
    if (valid < std::ssize(found))
        out.push_back(
            {Level::warning, "The model does not give the wanted answer to what is shown."});
    else if (!complete)
        out.push_back({Level::warning, "Not all that was asked for was found."});
    else if (valid > 0)
        out.push_back({Level::good, "The model was asked: the wanted answer is what it gives."});
    for (const Counterfactual& one : found)
        if (one.to_data && *one.to_data > one.distance && one.distance > 0) {
            out.push_back(
                {Level::remark,
                 "Some are farther from every row of the data than from the input: rows like "
                 "them may not occur."});
            return;
        }
}

// What the nearest one says, in a sentence.
std::string nearest_in_words(const Counterfactuals& all) {
    constexpr size_t most = 4;
    const std::string wanted = clean(all.wanted);
    const auto valid = std::ranges::count_if(all.found, &Counterfactual::valid);
    if (valid == 0) return " No change was found that leads to the answer wanted: " + wanted + ".";
    const std::vector<Counterfactual::Change>& changes = all.found[0].changes;
    if (changes.empty()) return " That is the answer wanted (" + wanted + ") already.";
    std::string out = " It would be " + clean(all.found[0].label) + " with ";
    for (size_t i = 0; i < std::min(most, changes.size()); ++i)
        out += (i ? ", " : "") + clean(changes[i].name) + ": " + clean(changes[i].from) +
               " \u2192 " + clean(changes[i].to);
    if (changes.size() > most) out += " and " + count(std::ssize(changes) - most) + " more changes";
    return out + ".";
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
    if (!explanation.local_rules.empty())
        return fmt::format(" {}.", local_rule_sentence(explanation, explanation.local_rules[0]));
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
    if (explanation.counterfactuals) {
        add_validity(explanation, out);
    } else if (explanation.rule) {
        add_rule(explanation, out);
    } else {
        add_completeness(explanation, out);
        add_fit(explanation, out);
        add_convergence(explanation.diagnostics, out);
        add_standard_errors(explanation, out);
        add_values(explanation, out);
    }
    for (const std::string& note : explanation.diagnostics.notes)
        out.push_back({Level::remark, clean(note, 1000)});
    return out;
}

std::string summary(const Explanation& explanation) {
    const TargetRecord& target = explanation.target;
    const std::string method = method_title(explanation.provenance.method);
    std::string out = opening(explanation);
    if (explanation.counterfactuals) return out + nearest_in_words(*explanation.counterfactuals);
    if (explanation.rule) return out + " " + rule_sentence(explanation) + ".";
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
