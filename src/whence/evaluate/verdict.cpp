#include "whence/evaluate/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "whence/core/error.h"
#include "whence/evaluate/estimates.h"

namespace whence::evaluate {
namespace {

using rules::Conclusions;

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (size_t i = 0; i < names.size(); ++i)
        out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
    return out;
}

std::string counted(int64_t n, const std::string& one) {
    return fmt::format("{} {}{}", n, one, n == 1 ? "" : "s");
}

int64_t defined_methods(const ScoreCardRow& row) {
    return std::ranges::count_if(row.of,
                                 [](const ScoreEstimate& e) { return !std::isnan(e.value); });
}

bool comparable(const ScoreCard& card, const ScoreCardRow& row) {
    return card.samples >= fewest_pairs && defined_methods(row) > 1;
}

// Metrics for which `holds`, by name.
template <class Holds>
std::vector<std::string> metrics_where(const ScoreCard& card, const Holds& holds) {
    std::vector<std::string> out;
    for (const ScoreCardRow& row : card.table)
        if (holds(row)) out.push_back(row.metric);
    return out;
}

}  // namespace

namespace rules {

Conclusions best(const ScoreCard& card) {
    Conclusions out;
    for (size_t m = 0; m < card.methods.size(); ++m) {
        const auto won =
            metrics_where(card, [&](const ScoreCardRow& row) { return row.of[m].best; });
        if (won.empty() || card.methods[m].control) continue;
        out.push_back({"best", false,
                       fmt::format("{} is distinguishably better than every other method on {}.",
                                   card.methods[m].name, listed(won))});
    }
    return out;
}

Conclusions undecided(const ScoreCard& card) {
    const auto open = metrics_where(card, [&](const ScoreCardRow& row) {
        return comparable(card, row) && std::ranges::none_of(row.of, &ScoreEstimate::best);
    });
    if (open.empty()) return {};
    return {{"undecided", true,
             fmt::format("On {} no method is distinguishably the best of all: their order there "
                         "may be chance.",
                         listed(open))}};
}

// A score that random values have as well says nothing for a method.
Conclusions against_chance(const ScoreCard& card) {
    const auto control = std::ranges::find_if(card.methods, &ScoredMethod::control);
    if (control == card.methods.end() || card.samples < fewest_pairs) return {};
    const int64_t chance = control - card.methods.begin();
    Conclusions out;
    for (size_t m = 0; m < card.methods.size(); ++m) {
        if (card.methods[m].control) continue;
        const auto no_better = metrics_where(card, [&](const ScoreCardRow& row) {
            return row.category == "faithfulness" && !std::isnan(row.of[m].value) &&
                   !std::isnan(row.of[chance].value) &&
                   std::ranges::find(row.of[m].better_than, chance) == row.of[m].better_than.end();
        });
        if (!no_better.empty())
            out.push_back({"against-chance", true,
                           fmt::format("{} is not distinguishable from random values on {}: there "
                                       "its score says nothing for it.",
                                       card.methods[m].name, listed(no_better))});
    }
    return out;
}

Conclusions disagreement(const ScoreCard& card) {
    std::vector<std::string> against, unrelated;
    for (const Agreement& a : card.agreements) {
        const std::string pair =
            fmt::format("{} with {} ({:+.2f})", a.first, a.second, a.correlation);
        if (a.high < 0)
            against.push_back(pair);
        else if (a.low <= 0)
            unrelated.push_back(pair);
    }
    Conclusions out;
    constexpr size_t most = 6;
    const auto add = [&](std::vector<std::string> pairs, const char* text) {
        if (pairs.empty()) return;
        const size_t more = pairs.size() > most ? pairs.size() - most : 0;
        if (more > 0) {
            pairs.resize(most);
            pairs.push_back(counted(static_cast<int64_t>(more), "more pair"));
        }
        out.push_back({"disagreement", true, fmt::format(fmt::runtime(text), listed(pairs))});
    };
    add(against,
        "Metrics contradict each other (rank correlation over samples): {}. Which method is better "
        "depends on which of them is wanted.");
    add(unrelated,
        "Metrics have nothing to do with each other here (the interval of their rank correlation "
        "holds 0): {}. One cannot stand for the other.");
    return out;
}

Conclusions few_samples(const ScoreCard& card) {
    constexpr int64_t few = 30;
    if (card.samples < fewest_pairs)
        return {
            {"few-samples", true,
             fmt::format("{}: too few to tell methods apart at 95 %, whatever the scores are; {} "
                         "are the least.",
                         counted(card.samples, "sample"), fewest_pairs)}};
    if (card.samples >= few) return {};
    return {{"few-samples", true,
             fmt::format("{} are few: bootstrap intervals of so few are too narrow, and what is "
                         "not distinguishable here may be so with more.",
                         counted(card.samples, "sample"))}};
}

Conclusions undefined(const ScoreCard& card) {
    constexpr double much = 0.1;
    Conclusions out;
    for (const ScoreCardRow& row : card.table)
        for (size_t m = 0; m < row.of.size(); ++m) {
            const ScoreEstimate& e = row.of[m];
            // Of methods that never have it the reason stands in the table.
            if (e.defined == 0 || static_cast<double>(e.undefined) <=
                                      much * static_cast<double>(e.undefined + e.defined))
                continue;
            out.push_back(
                {"undefined", true,
                 fmt::format("{} of {} is undefined for {} of {} ({}): its mean is of "
                             "other samples than those of methods that have it for all.",
                             row.metric, card.methods[m].name, e.undefined,
                             counted(e.undefined + e.defined, "sample"), e.undefined_because)});
        }
    return out;
}

Conclusions sums(const ScoreCard& card) {
    constexpr double much = 0.01;
    Conclusions out;
    for (const ScoredMethod& m : card.methods)
        if (m.relative_error_stated > 0 && m.median_relative_error > much)
            out.push_back(
                {"sums", true,
                 fmt::format("The values of {} miss f(x) - f(baseline) by {:.2g} % in the "
                             "median: that much of the answer is given to nobody, or "
                             "twice.",
                             m.name, 100 * m.median_relative_error)});
    return out;
}

Conclusions units(const ScoreCard& card) {
    std::vector<std::string> others;
    for (const ScoredMethod& m : card.methods)
        if (!m.scale.empty() && m.scale != card.scale)
            others.push_back(fmt::format("{} ({})", m.name, m.scale));
    if (others.empty()) return {};
    return {
        {"units", true,
         fmt::format("{} explain in another scale than the answers are judged in ({}): only the "
                     "order of their values is judged.",
                     listed(others), card.scale)}};
}

Conclusions baseline(const ScoreCard& card) {
    std::vector<std::string> same, others;
    for (const ScoredMethod& m : card.methods)
        if (!m.baseline.empty()) (m.baseline == card.removed ? same : others).push_back(m.name);
    const bool removes = std::ranges::any_of(
        card.table, [](const ScoreCardRow& row) { return row.category == "faithfulness"; });
    if (same.empty() || others.empty() || !removes) return {};
    return {
        {"baseline", true,
         fmt::format("What is removed becomes {}, which is also the baseline of {} and not of {}: "
                     "faithfulness here favours the former. --removed judges by another.",
                     card.removed, listed(same), listed(others))}};
}

Conclusions model_quality(const ScoreCard& card) {
    constexpr double good = 0.9;
    const auto taking = metrics_where(card, [](const ScoreCardRow& row) {
        return row.category == "localisation" || row.category == "consistency";
    });
    if (taking.empty()) return {};
    if (!card.accuracy)
        return {
            {"model-quality", true,
             fmt::format("{} take the model to be right for the right reason; whether it is right "
                         "was not checked, for no labels were given.",
                         listed(taking))}};
    if (*card.accuracy >= good) return {};
    return {
        {"model-quality", true,
         fmt::format("The model is right on {:.0f} % of the samples, and {} take it to be right: "
                     "a bad score may be the model's, not the method's.",
                     100 * *card.accuracy, listed(taking))}};
}

namespace {

bool is_control(const ScoreCard& card, const std::string& method) {
    return std::ranges::any_of(card.methods, [&](const ScoredMethod& m) { return m.control && m.name == method; });
}

// The answers differ between groups where the same metric of random values does: the gap is theirs as well.
std::string of_answers(const ScoreCard& card, const QualityGap& found) {
    for (const QualityGap& gap : card.gaps)
        if (is_control(card, gap.method) && gap.column == found.column && gap.metric == found.metric && gap.p_value <= 0.05)
            return fmt::format(" Random values have a gap of {:.2g} there, too: it lies in what the model answers, not in the "
                               "explanations alone.",
                               gap.gap);
    return "";
}

}  // namespace

// All comparisons together are wrong in 5 % of cases where no group matters (Bonferroni).
Conclusions groups(const ScoreCard& card) {
    std::vector<const QualityGap*> compared;
    std::vector<std::string> columns;
    int64_t smallest = card.samples;
    for (const QualityGap& gap : card.gaps) {
        if (std::isnan(gap.p_value) || is_control(card, gap.method)) continue;
        compared.push_back(&gap);
        if (std::ranges::find(columns, gap.column) == columns.end()) columns.push_back(gap.column);
        for (const GroupScore& group : gap.groups)
            if (group.samples > 1) smallest = std::min(smallest, group.samples);
    }
    if (compared.empty()) return {};
    const double enough = 0.05 / static_cast<double>(compared.size());
    const auto value_of = [](const QualityGap& gap, const std::string& group) {
        return std::ranges::find(gap.groups, group, &GroupScore::group)->value;
    };
    Conclusions out;
    for (const QualityGap* gap : compared)
        if (gap->p_value <= enough)
            out.push_back({"groups", false,
                           fmt::format("By {}, {} of {} is {:.3g} for {} and {:.3g} for {}: a gap of {:.2g} ({:.2g} to {:.2g}) that "
                                       "chance does not explain (p = {:.1g}, {} together).{}",
                                       gap->column, gap->metric, gap->method, value_of(*gap, gap->higher), gap->higher,
                                       value_of(*gap, gap->lower), gap->lower, gap->gap, gap->low, gap->high, gap->p_value,
                                       counted(std::ssize(compared), "comparison"), of_answers(card, *gap))});
    if (out.empty())
        return {{"groups", true,
                 fmt::format("Between groups by {} no gap of {} is distinguishable from chance. That does not say that all are "
                             "explained equally well: the smallest group compared has {}.",
                             listed(columns), counted(std::ssize(compared), "comparison"), counted(smallest, "sample"))}};
    out.push_back({"groups", true,
                   "Why groups differ is not said: their rows differ in what else they hold, in how sure the model is and in what is "
                   "missing. A gap in a metric is one of explanations, not of answers: whether the model treats groups "
                   "alike, error rates say."});
    return out;
}

Conclusions by_chance(const ScoreCard& card) {
    int64_t compared = 0, won = 0;
    for (const ScoreCardRow& row : card.table) {
        if (!comparable(card, row)) continue;
        ++compared;
        won += std::ranges::any_of(row.of, &ScoreEstimate::best);
    }
    constexpr int64_t many = 10;
    if (compared < many || won == 0) return {};
    return {{"by-chance", true,
             fmt::format("{} were compared and {} decided; at 95 % about {:.1g} of them would be "
                         "decided by chance alone.",
                         counted(compared, "metric"), won, 0.05 * static_cast<double>(compared))}};
}

// Metrics of one assumption share a sentence.
Conclusions assumptions(const ScoreCard& card) {
    Conclusions out;
    std::vector<std::pair<std::string, std::string>> seen;
    for (const ScoreCardRow& row : card.table) {
        const std::pair<std::string, std::string> key{row.assumes, row.cannot_tell};
        if (std::ranges::find(seen, key) != seen.end()) continue;
        seen.push_back(key);
        const auto sharing = metrics_where(card, [&](const ScoreCardRow& other) {
            return other.assumes == row.assumes && other.cannot_tell == row.cannot_tell;
        });
        const bool one = sharing.size() == 1;
        out.push_back(
            {"assumptions", true,
             fmt::format("{} assume{} that {}. {} cannot tell {}.", listed(sharing), one ? "s" : "",
                         row.assumes, one ? "It" : "They", row.cannot_tell)});
    }
    return out;
}

}  // namespace rules

std::vector<Conclusion> verdict(const ScoreCard& card) {
    std::vector<Conclusion> out;
    for (const auto rule :
         {rules::best, rules::undecided, rules::against_chance, rules::disagreement,
          rules::few_samples, rules::undefined, rules::sums, rules::units, rules::baseline,
          rules::model_quality, rules::groups, rules::by_chance, rules::assumptions})
        std::ranges::move(rule(card), std::back_inserter(out));
    return out;
}

}  // namespace whence::evaluate
