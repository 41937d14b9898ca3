#include "whence/render/html.h"

#include <fmt/format.h>

#include <span>

#include "whence/core/explanation_json.h"
#include "whence/core/version.h"
#include "whence/render/block.h"
#include "whence/render/changes.h"
#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/highlight.h"
#include "whence/render/html_parts.h"
#include "whence/render/html_style.h"
#include "whence/render/map.h"
#include "whence/render/number.h"
#include "whence/render/rule.h"

namespace whence::render {
namespace {

// More rows than anyone reads; the JSON behind the link has them all.
constexpr int64_t most_rows = 2000;

// Nothing is fetched and nothing runs, whatever a string may contain.
constexpr std::string_view policy =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'";

std::string changes_html(const Counterfactuals& all) {
    std::string out;
    for (size_t i = 0; i < all.found.size(); ++i) {
        out += element("h4", change_headline(all, i)) +
               "\n<div class=\"scroll\"><table class=\"plain\">\n<tr><th>feature</th><th>change</th></tr>\n";
        for (const ChangeLine& line : change_lines(all.found[i], most_rows, " \u2192 "))
            out += "<tr>" + element("td", line.name) + element("td", line.change) + "</tr>\n";
        out += "</table></div>\n";
    }
    return out;
}

std::string title_text(const ReportItem& item) {
    return item.title.empty() ? title_of(item.explanation) : clean(item.title);
}

std::string rule_html(const ReportItem& item) {
    std::string out = item.image && kind(item.explanation) == Kind::segments
                          ? spotlight_html(item)
                          : std::string();
    out += "<div class=\"rule\">\n";
    for (const std::string& line : rule_lines(item.explanation)) out += element("p", line) + "\n";
    out += element("p", rule_numbers(*item.explanation.rule)) + "\n</div>\n";
    out += highlighted_html(item.explanation);
    if (item.scores.empty()) return out;
    return out + "<div class=\"scores\">" + scores_html(item.scores) + "</div>\n";
}

std::string picture_or_bars(const ReportItem& item, int64_t top) {
    if (item.explanation.rule) return rule_html(item);
    const Kind shown = kind(item.explanation);
    std::string out;
    if (shown != Kind::table) out += panels_html(item);
    out += highlighted_html(item.explanation);
    // Cells of a layer are few enough to be named, pixels are not.
    const bool changes = item.explanation.counterfactuals.has_value();
    const bool bars = !changes && (shown != Kind::pixels || !item.explanation.attribution.layer.empty());
    if (changes) out += changes_html(*item.explanation.counterfactuals);
    if (!bars && item.scores.empty()) return out;
    out += "<div class=\"sides\">\n";
    if (!item.scores.empty())
        out += "<div class=\"scores\">" + scores_html(item.scores) + "</div>\n";
    if (bars)
        out += "<div class=\"weights\">" +
               weights_html(item.explanation, rank(item.explanation, top)) + "</div>\n";
    return out + "</div>\n";
}

// All leaves of a local tree, the input's own first.
std::string local_rules_html(const Explanation& explanation) {
    if (explanation.local_rules.empty()) return "";
    std::string out = "<div class=\"rule\">\n";
    for (const LocalRule& rule : explanation.local_rules)
        out += element("p", local_rule_sentence(explanation, rule)) + "\n";
    return out + "</div>\n";
}

std::string full_table(const Explanation& explanation, int64_t top) {
    if (explanation.rule || explanation.counterfactuals || kind(explanation) == Kind::pixels ||
        explanation.attribution.values.size() <= top)
        return "";
    const Ranking all = rank(explanation, most_rows);
    return "<details><summary>All " + count(explanation.attribution.values.size()) + " weights" +
           (all.rest > 0 ? ", the largest " + count(most_rows) + " one by one" : "") +
           "</summary>\n" + weights_html(explanation, all) + "</details>\n";
}

std::string json_link(const Explanation& explanation, size_t number) {
    const std::string json = to_json(explanation);
    return fmt::format(
        "<p class=\"noprint\"><a download=\"explanation-{}.json\" href=\"{}\">This "
        "explanation as JSON</a> <span class=\"faint\">(whence replay recomputes and "
        "compares it)</span></p>\n",
        number, data_uri("application/json", std::as_bytes(std::span(json))));
}

std::string pairs_html(const Explanation& explanation, int64_t top) {
    const Ranking pairs = rank_pairs(explanation, top);
    if (pairs.top.empty()) return "";
    return "<h3>Pairs: what two features do only together</h3>\n<div class=\"weights\">" +
           weights_html(explanation, pairs) + "</div>\n";
}

// What report and fragment share.
std::string body_of(const ReportItem& item, int64_t top) {
    std::string out = "<p class=\"summary\">" + escaped(summary(item.explanation)) + "</p>\n";
    out += facts_html(item.explanation) + picture_or_bars(item, top);
    out += pairs_html(item.explanation, top);
    out += local_rules_html(item.explanation);
    if (!item.note.empty()) out += "<p class=\"faint\">" + escaped(item.note) + "</p>\n";
    return out;
}

std::string article(const ReportItem& item, size_t number, const ReportOptions& options) {
    std::string out =
        fmt::format("<article id=\"e{}\">\n", number) + element("h2", title_text(item)) + "\n";
    out += body_of(item, options.top) + full_table(item.explanation, options.top);
    out += "<h3>How far to trust this</h3>\n" + trust_html(item.explanation);
    out += "<h3>How it was made</h3>\n" + made_html(item);
    if (options.attach_json) out += json_link(item.explanation, number);
    return out + "</article>\n";
}

std::string contents(const std::vector<ReportItem>& items) {
    if (items.size() < 2) return "";
    std::string out = "<nav aria-label=\"Explanations\"><ol>\n";
    for (size_t i = 0; i < items.size(); ++i)
        out +=
            fmt::format("<li><a href=\"#e{}\">{}</a></li>\n", i + 1, escaped(title_text(items[i])));
    return out + "</ol></nav>\n";
}

std::string head(const std::string& title) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" "
        "content=\"no-referrer\">\n<title>{}</title>\n<style>{}{}</style>\n</head>\n",
        policy, escaped(title), part_style, page_style);
}

}  // namespace

namespace {

std::string table_html(const std::vector<std::vector<std::string>>& lines) {
    if (lines.empty()) return "";
    std::string out = "<div class=\"scroll\"><table class=\"plain\">\n";
    for (size_t i = 0; i < lines.size(); ++i) {
        out += "<tr>";
        for (const std::string& cell : lines[i]) out += element(i == 0 ? "th" : "td", cell);
        out += "</tr>\n";
    }
    return out + "</table></div>\n";
}

}  // namespace

std::string report(const std::vector<ReportItem>& items, const ReportOptions& options) {
    std::string out = head(options.title) + "<body>\n<main class=\"whence\">\n<header>\n" +
                      element("h1", options.title) + "\n" + contents(items) + "</header>\n";
    out += table_html(options.table) + options.figure;
    if (items.empty() && options.table.empty() && options.figure.empty())
        out += "<p class=\"empty\">There are no explanations in this report.</p>\n";
    for (size_t i = 0; i < items.size(); ++i) out += article(items[i], i + 1, options);
    return out + "<footer class=\"faint\">Written by Whence " + escaped(version()) +
           ". Weights say what the model used, not what causes what in the world.</footer>\n"
           "</main>\n</body>\n</html>\n";
}

std::string html_fragment(const ReportItem& item, int64_t top) {
    return fmt::format("<style>{}</style>\n<div class=\"whence\">\n", part_style) +
           element("h2", title_text(item)) + "\n" + body_of(item, top) +
           trust_html(item.explanation) + "</div>\n";
}

std::string html_fragment(const Explanation& explanation, int64_t top) {
    return html_fragment(ReportItem{.explanation = explanation}, top);
}

}  // namespace whence::render
