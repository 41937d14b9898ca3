#include "whence/render/words.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "whence/core/error.h"
#include "whence/render/facts.h"
#include "whence/render/map.h"
#include "whence/render/number.h"
#include "whence/render/phrases.h"
#include "whence/render/ranking.h"

namespace whence::render {
namespace {

constexpr std::array<std::string_view, 3> language_names{"en", "ru", "zh"};
constexpr size_t most_named = 3;  // features named on each side

// Sentences one after the other.
class Words {
  public:
    explicit Words(Language language) : language_(language) {}

    void say(Phrase phrase, const std::vector<std::string>& parts = {}) {
        if (!out_.empty() && language_ != Language::chinese) out_ += " ";
        out_ += phrased(phrase, parts);
    }
    [[nodiscard]] std::string phrased(Phrase phrase, const std::vector<std::string>& parts) const {
        fmt::dynamic_format_arg_store<fmt::format_context> arguments;
        for (const std::string& part : parts) arguments.push_back(part);
        return fmt::vformat(wording(phrase, language_), arguments);
    }
    [[nodiscard]] std::string listed(const std::vector<std::string>& items) const {
        std::string out;
        for (const std::string& item : items)
            out += (out.empty() ? "" : phrased(Phrase::separator, {})) + item;
        return out;
    }
    [[nodiscard]] const std::string& text() const { return out_; }

  private:
    Language language_;
    std::string out_;
};

std::string in_numbers(double value) {
    return typeset(number(value));
}

Phrase unit_of(const Explanation& explanation) {
    const std::string link = link_of(explanation);
    if (!link.empty())
        return link == "logit"           ? Phrase::logit
               : link == "squared-error" ? Phrase::squared_error
                                         : Phrase::log_loss;
    switch (explanation.target.resolved.scale) {
        case Scale::logit:
            return Phrase::logit;
        case Scale::log_probability:
            return Phrase::log_probability;
        default:
            return Phrase::raw;
    }
}

void say_prediction(const Explanation& explanation, Words& words) {
    const TargetRecord& target = explanation.target;
    const std::string what = short_target(target), value = in_numbers(target.value);
    if (target.resolved.scale == Scale::probability && !target.resolved.minus &&
        link_of(explanation).empty())
        words.say(Phrase::probability, {what, value});
    else
        words.say(Phrase::score, {what, value, words.phrased(unit_of(explanation), {})});
    if (target.baseline_value)
        words.say(Phrase::compared,
                  {clean(target.baseline), in_numbers(*target.baseline_value),
                   typeset(signed_number(target.value - *target.baseline_value))});
}

// The largest values of one sign.
std::vector<std::string> strongest(const Ranking& ranking, bool raising) {
    std::vector<std::string> out;
    for (const Weight& weight : ranking.top)
        if (out.size() < most_named && std::isfinite(weight.value) &&
            (raising ? weight.value > 0 : weight.value < 0))
            out.push_back(label_of(weight) + " (" + typeset(signed_number(weight.value)) + ")");
    return out;
}

std::vector<std::string> asked_about(const Ranking& ranking) {
    std::vector<std::string> out;
    for (const Weight& weight : ranking.top)
        if (out.size() < most_named && weight.value > 0)
            out.push_back(label_of(weight) + " (" + percent(weight.value) + ")");
    return out;
}

void say_attribution(const Explanation& explanation, Words& words) {
    if (explanation.attribution.values.size() == 0) return;
    if (kind(explanation) == Kind::pixels) {
        const double half = half_mass(map_of(explanation));
        if (half > 0) words.say(Phrase::half_mass, {percent(half)});
        return;
    }
    const Ranking all = rank(explanation, explanation.attribution.values.size());
    // What a tree asks about has no sign.
    if (!explanation.local_rules.empty()) {
        const std::vector<std::string> asked = asked_about(all);
        if (!asked.empty()) return words.say(Phrase::asks_about, {words.listed(asked)});
        return words.say(Phrase::nothing);
    }
    const std::vector<std::string> up = strongest(all, true), down = strongest(all, false);
    if (!up.empty()) words.say(Phrase::raised, {words.listed(up)});
    if (!down.empty()) words.say(Phrase::lowered, {words.listed(down)});
    if (up.empty() && down.empty()) words.say(Phrase::nothing);
}

// "radius > 16.8" needs no words; "'dull' is there" and "segment 3" do.
std::string condition_in(const Words& words, std::string_view text) {
    using Condition = Rule::Condition;
    const auto named = [&](std::string_view name) {
        if (!name.starts_with(Condition::segment)) return std::string(name);
        return words.phrased(Phrase::segment, {std::string(name.substr(Condition::segment.size()))});
    };
    for (const auto& [ending, phrase] : {std::pair{Condition::is_there, Phrase::is_there},
                                         std::pair{Condition::is_missing, Phrase::is_missing}})
        if (text.ends_with(ending))
            return words.phrased(phrase, {named(text.substr(0, text.size() - ending.size()))});
    const bool number = text.substr(std::min(text.size(), Condition::segment.size()))
                            .find_first_not_of("0123456789") == std::string_view::npos;
    return number ? named(text) : std::string(text);
}

void say_rule(const Explanation& explanation, Words& words) {
    const Rule& rule = *explanation.rule;
    std::vector<std::string> conditions;
    for (const Rule::Condition& condition : rule.conditions)
        conditions.push_back(condition_in(words, clean(condition.text)));
    const std::string what = short_target(explanation.target);
    const std::string share = percent(rule.precision), low = percent(rule.precision_low),
                      high = percent(rule.precision_high);
    if (conditions.empty())
        words.say(Phrase::always, {what, share, low, high});
    else
        words.say(Phrase::rule, {words.listed(conditions), what, share, low, high,
                                 std::isnan(rule.coverage) ? "?" : percent(rule.coverage)});
}

// What display() calls a value that is not there.
std::string value_in(const Words& words, const std::string& value) {
    return value == "missing" ? words.phrased(Phrase::missing, {}) : clean(value);
}

void say_counterfactuals(const Counterfactuals& all, Words& words) {
    const auto valid = std::ranges::find_if(all.found, &Counterfactual::valid);
    if (valid == all.found.end()) {
        words.say(Phrase::no_counterfactual, {clean(all.wanted)});
        return;
    }
    std::vector<std::string> changes;
    for (const Counterfactual::Change& change : valid->changes)
        changes.push_back(words.phrased(Phrase::change, {clean(change.name), value_in(words, change.from),
                                                         value_in(words, change.to)}));
    words.say(Phrase::counterfactual, {clean(all.wanted), words.listed(changes)});
}

int64_t unsettled_signs(const Explanation& explanation) {
    const std::vector<double> values = explanation.attribution.values.to_doubles();
    const std::vector<double>& errors = explanation.attribution.standard_errors;
    int64_t out = 0;
    for (size_t i = 0; i < std::min(values.size(), errors.size()); ++i)
        if (std::isfinite(errors[i]) && std::abs(values[i]) < 2 * std::abs(errors[i])) ++out;
    return out;
}

void say_trust(const Explanation& explanation, Words& words) {
    const Diagnostics& d = explanation.diagnostics;
    if (d.relative_error && std::isfinite(*d.relative_error) && explanation.target.baseline_value)
        words.say(Phrase::adds_up, {percent(std::abs(*d.relative_error))});
    if (d.surrogate_r2 && std::isfinite(*d.surrogate_r2))
        words.say(Phrase::fit, {percent(std::max(0.0, *d.surrogate_r2))});
    if (const int64_t unsettled = unsettled_signs(explanation); unsettled > 0)
        words.say(Phrase::unsettled,
                  {count(unsettled), count(explanation.attribution.values.size())});
    if (d.converged && !*d.converged) words.say(Phrase::not_converged);
    words.say(Phrase::no_cause);
}

}  // namespace

std::string_view name(Language language) {
    return language_names[static_cast<size_t>(language)];
}

Language parse_language(std::string_view text) {
    for (size_t i = 0; i < language_names.size(); ++i)
        if (text == language_names[i]) return static_cast<Language>(i);
    throw Error(ErrorKind::usage,
                "no language '" + printable(std::string(text)) + "'; there are en, ru, zh");
}

std::string in_words(const Explanation& explanation, Language language) {
    Words words(language);
    say_prediction(explanation, words);
    if (explanation.rule) say_rule(explanation, words);
    if (explanation.counterfactuals) say_counterfactuals(*explanation.counterfactuals, words);
    if (!explanation.rule && !explanation.counterfactuals) say_attribution(explanation, words);
    say_trust(explanation, words);
    return words.text();
}

}  // namespace whence::render
