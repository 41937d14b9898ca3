#include <fmt/format.h>

#include <cmath>

#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/html.h"
#include "whence/render/html_parts.h"
#include "whence/render/html_style.h"
#include "whence/render/number.h"
#include "whence/render/score_card.h"
#include "whence/render/score_card_parts.h"

namespace whence::render {
namespace {

std::string cell_html(const ScoreEstimate& e) {
    const std::string value = typeset(value_text(e));
    std::string out =
        "<td class=\"number\">" + (e.best ? element("strong", value + " *") : escaped(value));
    if (const std::string interval = interval_text(e); !interval.empty())
        out += fmt::format("<br><span class=\"faint\">{}</span>", escaped(typeset(interval)));
    if (e.undefined > 0 && e.defined > 0)
        out += fmt::format("<br><span class=\"faint\">{} undefined</span>", count(e.undefined));
    return out + "</td>";
}

std::string table_html(const ScoreCard& card) {
    std::string out = "<div class=\"scroll\"><table>\n<thead><tr><th>metric</th>";
    for (const ScoredMethod& m : card.methods)
        out += fmt::format("<th class=\"number\">{}</th>", escaped(m.name));
    out += "</tr></thead>\n";
    for (const ScoreCardRow& row : card.table) {
        out += fmt::format(
            "<tr><td>{}<br><span class=\"faint\">{}</span></td>", escaped(row.metric),
            row.higher_is_better ? "\u2191 higher is better" : "\u2193 lower is better");
        for (const ScoreEstimate& e : row.of) out += cell_html(e);
        out += "</tr>\n";
    }
    return out +
           "</table></div>\n<p class=\"faint\">Means over samples and their 95 % bootstrap "
           "intervals. * distinguishably better than every other method (paired by samples)."
           "</p>\n";
}

std::string setting_html(const ScoreCard& card) {
    std::string out;
    for (const std::string& line : setting_of(card)) out += escaped(line, 1000) + "<br>\n";
    return "<p class=\"faint\">" + out + "</p>\n";
}

// The first `words` columns are words.
std::string cells_html(const Cells& cells, size_t words) {
    std::string out = "<div class=\"scroll\"><table>\n";
    for (size_t r = 0; r < cells.size(); ++r) {
        out += r == 0 ? "<thead><tr>" : "<tr>";
        for (size_t c = 0; c < cells[r].size(); ++c)
            out += fmt::format("<{0}{1}>{2}</{0}>", r == 0 ? "th" : "td",
                               c >= words ? " class=\"number\"" : "", escaped(cells[r][c]));
        out += r == 0 ? "</tr></thead>\n" : "</tr>\n";
    }
    return out + "</table></div>\n";
}

std::string groups_html(const ScoreCard& card) {
    std::string out;
    for (const std::string& column : grouping_columns(card))
        out += element("h3", "By " + column) + cells_html(gaps_of(card, column, true), 2);
    if (out.empty()) return out;
    return out + "<p class=\"faint\">Means of each group (samples); the gap is between the two furthest apart, its interval a "
                 "bootstrap over samples, p a permutation test.</p>\n";
}

std::string costs_html(const ScoreCard& card) {
    std::string out = "<h3>Attribution errors and costs</h3>\n" + cells_html(costs_of(card), 1);
    for (const std::string& remark : remarks_of(card))
        out += "<p class=\"faint\">" + escaped(remark, 1000) + "</p>\n";
    return out;
}

std::string verdict_html(const ScoreCard& card) {
    std::string out = "<h3>What may be concluded, and what may not</h3>\n<ul class=\"trust\">\n";
    for (const Conclusion& one : card.verdict)
        out += fmt::format("<li class=\"{}\"><b>{}</b>{}</li>\n", one.caution ? "note" : "good",
                           one.caution ? "caution" : "found", escaped(one.text));
    return out + "</ul>\n";
}

std::string metrics_html(const ScoreCard& card) {
    std::string out =
        "<details><summary>What the metrics are</summary>\n"
        "<div class=\"scroll\"><table>\n<thead><tr><th>metric</th><th>source</th>"
        "<th>assumes that</th><th>cannot tell</th></tr></thead>\n";
    for (const ScoreCardRow& row : card.table)
        out += "<tr>" + element("td", row.metric) + element("td", row.source) +
               element("td", row.assumes) + element("td", row.cannot_tell) + "</tr>\n";
    return out + "</table></div></details>\n";
}

}  // namespace

std::string report(const ScoreCard& card) {
    const std::vector<std::byte> drawing = draw(card, {.format = Format::svg});
    const std::string figure =
        setting_html(card) + table_html(card) + verdict_html(card) +
        fmt::format("<figure><img alt=\"{}\" src=\"{}\"></figure>\n", escaped(title_of(card)),
                    data_uri("image/svg+xml", drawing)) +
        groups_html(card) + costs_html(card) + metrics_html(card);
    return report({}, {.title = title_of(card), .figure = figure});
}

std::string html_fragment(const ScoreCard& card) {
    return fmt::format("<style>{}</style>\n<div class=\"whence\">\n", part_style) +
           element("h2", title_of(card)) + "\n" + setting_html(card) + table_html(card) +
           verdict_html(card) + groups_html(card) + costs_html(card) + "</div>\n";
}

}  // namespace whence::render
