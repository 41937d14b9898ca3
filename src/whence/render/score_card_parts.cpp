#include "whence/render/score_card_parts.h"

#include <algorithm>
#include <cmath>

#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/number.h"

namespace whence::render {

std::string direction(const ScoreCardRow& row) {
    return clean(row.metric) + (row.higher_is_better ? ", higher is better" : ", lower is better");
}

std::string value_text(const ScoreEstimate& estimate) {
    return std::isnan(estimate.value) ? "-" : number(estimate.value);
}

std::string interval_text(const ScoreEstimate& estimate) {
    if (!std::isfinite(estimate.low) || !std::isfinite(estimate.high)) return "";
    return number(estimate.low) + " to " + number(estimate.high);
}

std::string undefined_text(const ScoreEstimate& estimate) {
    if (estimate.undefined == 0) return "";
    return count(estimate.undefined) + " undefined: " + clean(estimate.undefined_because, 300);
}

std::string title_of(const ScoreCard& card) {
    const auto methods = static_cast<int64_t>(card.methods.size());
    std::string out = "Score card: " + count(methods) +
                      (methods == 1 ? " method, " : " methods, ") + count(card.samples) +
                      (card.samples == 1 ? " sample" : " samples");
    return card.available > card.samples ? out + " of " + count(card.available) : out;
}

std::vector<std::string> setting_of(const ScoreCard& card) {
    std::vector<std::string> out;
    if (!card.model.empty()) out.push_back("model: " + clean(card.model, 400));
    if (!card.data.empty()) out.push_back("data: " + clean(card.data, 400));
    out.push_back("explained: " + clean(card.target) + ", " + clean(card.scale));
    out.push_back("judged by: " + clean(card.players) + ", removed means " +
                  clean(card.removed, 300) + "; the same for every method");
    if (card.accuracy) out.push_back("the model is right on " + percent(*card.accuracy));
    return out;
}

Cells costs_of(const ScoreCard& card) {
    Cells out = {{"method", "mean |error|", "median relative", "evaluations", "gradients", "time"}};
    for (const ScoredMethod& m : card.methods)
        out.push_back({clean(m.name), m.error_stated > 0 ? number(m.mean_error) : "-",
                       m.relative_error_stated > 0 ? percent(m.median_relative_error) : "-",
                       count(m.evaluations), count(m.gradient_evaluations), duration(m.seconds)});
    return out;
}

std::vector<std::string> grouping_columns(const ScoreCard& card) {
    std::vector<std::string> out;
    for (const QualityGap& gap : card.gaps)
        if (std::ranges::find(out, gap.column) == out.end()) out.push_back(gap.column);
    return out;
}

namespace {

std::string or_dash(double value) {
    return std::isnan(value) ? "-" : number(value);
}

std::string group_text(const QualityGap& gap, const std::string& group) {
    const auto found = std::ranges::find(gap.groups, group, &GroupScore::group);
    return found == gap.groups.end() ? "-" : clean(group) + " " + or_dash(found->value);
}

}  // namespace

Cells gaps_of(const ScoreCard& card, const std::string& column, bool every_group) {
    Cells out = {{"metric", "method", "gap", "95 % interval", "p"}};
    std::vector<std::string> groups;
    for (const QualityGap& gap : card.gaps) {
        if (gap.column != column || !every_group) continue;
        for (const GroupScore& group : gap.groups)
            if (std::ranges::find(groups, group.group) == groups.end()) groups.push_back(group.group);
    }
    for (const std::string& group : groups) out[0].push_back(clean(group));
    if (!every_group) out[0].insert(out[0].end(), {"higher", "lower"});
    for (const QualityGap& gap : card.gaps) {
        if (gap.column != column) continue;
        const bool known = !std::isnan(gap.gap);
        out.push_back({clean(gap.metric), clean(gap.method), or_dash(gap.gap),
                       known ? number(gap.low) + " to " + number(gap.high) : "", or_dash(gap.p_value)});
        if (!every_group) out.back().insert(out.back().end(), {group_text(gap, gap.higher), group_text(gap, gap.lower)});
        for (const std::string& group : groups) {
            const auto found = std::ranges::find(gap.groups, group, &GroupScore::group);
            const bool there = found != gap.groups.end() && found->samples > 0;
            out.back().push_back(there ? number(found->value) + " (" + count(found->samples) + ")" : "-");
        }
    }
    return out;
}

std::vector<std::string> remarks_of(const ScoreCard& card) {
    std::vector<std::string> out;
    for (const ScoredMethod& m : card.methods) {
        if (m.error_stated == 0 && !m.no_error_because.empty())
            out.push_back(clean(m.name) +
                          " has no attribution error: " + clean(m.no_error_because, 300));
        if (m.failed > 0)
            out.push_back(clean(m.name) + " failed on " + count(m.failed) + ": " +
                          clean(m.failure, 300));
    }
    for (const ScoreCardRow& row : card.table) {
        if (row.category == "attribution-error") continue;
        for (size_t m = 0; m < row.of.size(); ++m)
            if (row.of[m].undefined > 0)
                out.push_back(clean(row.metric) + " of " + clean(card.methods[m].name) + ": " +
                              undefined_text(row.of[m]));
    }
    for (const LeftOut& left : card.left_out)
        out.push_back(clean(left.name) + " is left out: " + clean(left.because, 300));
    return out;
}

}  // namespace whence::render
