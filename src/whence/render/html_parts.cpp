#include "whence/render/html_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/render/bars.h"
#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/map.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr double bar_width = 200, bar_height = 15;

std::string bar_svg(const Weight& weight, const BarScale& scale) {
    const double zero = scale.x(0);
    std::string out = fmt::format(
        R"(<svg viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" aria-hidden="true">)"
        R"(<path class="zero" d="M{:.1f} -3V18"/>)",
        bar_width, bar_height, zero);
    if (std::isfinite(weight.value)) {
        const double end = scale.x(weight.value);
        out += fmt::format(R"(<rect class="{}" x="{:.2f}" y="2" width="{:.2f}" height="11"/>)",
                           weight.value < 0 ? "minus" : "plus", std::min(zero, end),
                           std::abs(end - zero));
        if (weight.standard_error && *weight.standard_error > 0)
            out += fmt::format(
                R"(<path class="whisker" d="M{0:.2f} 5v5M{1:.2f} 5v5M{0:.2f} 7.5H{1:.2f}"/>)",
                scale.x(weight.value - *weight.standard_error),
                scale.x(weight.value + *weight.standard_error));
    }
    return out + "</svg>";
}

std::string cell(const char* name, const std::string& html) {
    return fmt::format("<td class=\"{}\">{}</td>", name, html);
}

// Which columns the table of this ranking has.
struct Columns {
    bool value = false, standard_error = false, merged = false;
    explicit Columns(const Ranking& ranking) : merged(displays_name_features(ranking)) {
        for (const Weight& weight : ranking.top) {
            value = value || (!merged && !weight.display.empty());
            standard_error = standard_error || weight.standard_error.has_value();
        }
    }
};

std::string weights_head(const Columns& columns, bool segments) {
    std::string out = "<thead><tr><th scope=\"col\">";
    out += segments ? "segment</th>" : "feature</th>";
    if (columns.value) out += "<th scope=\"col\" class=\"value\">value</th>";
    out += "<th scope=\"col\" class=\"number\">weight</th>";
    if (columns.standard_error)
        out += "<th scope=\"col\" class=\"number\">\u00b1 standard error</th>";
    return out +
           "<th scope=\"col\" class=\"bar\"><span class=\"key minus\"></span>lowers "
           "<span class=\"key plus\"></span>raises</th></tr></thead>";
}

std::string weight_row(const Weight& weight, const Columns& columns, const Column& column,
                       const BarScale& scale) {
    const std::string& name = columns.merged ? weight.display : weight.name;
    std::string out = "<tr><th scope=\"row\">" + escaped(name) + "</th>";
    if (columns.value) out += cell("value", escaped(weight.display));
    out += cell("number", typeset(column(weight.value)));
    if (columns.standard_error)
        out += cell("number", weight.standard_error ? number(*weight.standard_error, 2) : "");
    return out + cell("bar", bar_svg(weight, scale)) + "</tr>\n";
}

std::string rest_row(const Ranking& ranking, const Columns& columns, const Column& column) {
    if (ranking.rest == 0) return "";
    return "<tr class=\"rest\"><th scope=\"row\">\u2026 and " + count(ranking.rest) +
           " more, their sum</th>" + (columns.value ? "<td></td>" : "") +
           cell("number", typeset(column(ranking.rest_sum))) +
           (columns.standard_error ? "<td></td>" : "") + "<td></td></tr>\n";
}

}  // namespace

std::string element(const char* tag, std::string_view text) {
    return fmt::format("<{0}>{1}</{0}>", tag, escaped(text));
}

std::string facts_html(const Explanation& explanation) {
    std::string out = "<dl class=\"facts\">";
    for (const Fact& fact : facts(explanation))
        out += "<div>" + element("dt", fact.label) + element("dd", typeset_fact(fact)) + "</div>";
    return out + "</dl>\n";
}

std::string weights_html(const Explanation& explanation, const Ranking& ranking) {
    if (ranking.top.empty()) return "<p class=\"empty\">There are no features.</p>\n";
    const Columns columns(ranking);
    std::vector<double> values;
    for (const Weight& weight : ranking.top) values.push_back(weight.value);
    const Column column(values);
    const BarScale scale = BarScale::over(ranking, 0, bar_width);
    std::string out =
        "<table>" + weights_head(columns, kind(explanation) == Kind::segments) + "<tbody>\n";
    for (const Weight& weight : ranking.top) out += weight_row(weight, columns, column, scale);
    return out + rest_row(ranking, columns, column) + "</tbody></table>\n";
}

std::string scores_html(const std::vector<ClassScore>& scores) {
    if (scores.empty()) return "";
    constexpr size_t most = 10;
    std::string out =
        "<table class=\"scores\"><thead><tr><th scope=\"col\">prediction</th>"
        "<th scope=\"col\" class=\"number\">probability</th></tr></thead><tbody>\n";
    for (size_t i = 0; i < scores.size() && i < most; ++i) {
        const double share = std::isfinite(scores[i].probability) ? scores[i].probability : 0;
        out += "<tr><th scope=\"row\">" + escaped(scores[i].name, 80) +
               fmt::format(
                   R"(<svg width="100%" height="5" viewBox="0 0 100 5" preserveAspectRatio="none")"
                   R"( aria-hidden="true"><rect class="track" width="100" height="5"/>)"
                   R"(<rect class="level" width="{:.2f}" height="5"/></svg></th>)",
                   100 * std::clamp(share, 0.0, 1.0)) +
               cell("number", number(scores[i].probability)) + "</tr>\n";
    }
    return out + "</tbody></table>\n";
}

std::string trust_html(const Explanation& explanation) {
    const auto word = [](Level level) {
        return level == Level::good ? "good" : level == Level::warning ? "careful" : "note";
    };
    std::string out = "<ul class=\"trust\">\n";
    for (const Finding& finding : findings(explanation))
        out += fmt::format("<li{}><b>{}</b>{}</li>\n",
                           finding.level == Level::warning ? " class=\"warning\"" : "",
                           word(finding.level), escaped(finding.text));
    return out + "</ul>\n";
}

}  // namespace whence::render
