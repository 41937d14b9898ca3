#include "whence/render/text.h"

#include <algorithm>
#include <cmath>

#include "whence/render/changes.h"
#include "whence/render/facts.h"
#include "whence/render/highlight.h"
#include "whence/render/number.h"
#include "whence/render/ranking.h"
#include "whence/render/rule.h"
#include "whence/render/text_image.h"
#include "whence/render/text_table.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

constexpr int64_t least_width = 40, widest_bars = 48;

// Signs and colours of this terminal.
struct Ink {
    const TextOptions& options;
    [[nodiscard]] std::string in(const char* code, const std::string& text) const {
        return options.color && !text.empty() ? "\x1b[" + std::string(code) + "m" + text + "\x1b[0m"
                                              : text;
    }
    [[nodiscard]] std::string bold(const std::string& text) const { return in("1", text); }
    [[nodiscard]] std::string dim(const std::string& text) const { return in("2", text); }
    // Fixed colours of the 256: the terminal's own blue is unreadable on black in many themes.
    [[nodiscard]] std::string signed_color(double value, const std::string& text) const {
        return in(value < 0 ? "38;5;68" : "38;5;166", text);
    }
    [[nodiscard]] std::string_view ellipsis() const { return options.ascii ? "..." : "\u2026"; }
};

struct BarRoom {
    int64_t left = 0, right = 0;  // columns at either side of the axis
    double per_column = 0;        // value of one column
};

BarRoom bar_room(const Ranking& ranking, int64_t width) {
    double low = 0, high = 0;
    for (const Weight& weight : ranking.top) {
        if (!std::isfinite(weight.value)) continue;
        low = std::max(low, -weight.value);
        high = std::max(high, weight.value);
    }
    if (low + high == 0) return {};
    const auto columns_for = [&](double side) {
        return side == 0
                   ? 0
                   : std::max<int64_t>(
                         1, std::llround(side / (low + high) * static_cast<double>(width - 1)));
    };
    const int64_t left = std::min(columns_for(low), width - (high > 0 ? 2 : 1));
    const int64_t right = high > 0 ? width - 1 - left : 0;
    const double per_column = std::max(left > 0 ? low / static_cast<double>(left) : 0,
                                       right > 0 ? high / static_cast<double>(right) : 0);
    return {left, right, per_column};
}

std::string repeated(std::string_view sign, int64_t times) {
    std::string out;
    for (int64_t i = 0; i < times; ++i) out += sign;
    return out;
}

std::string spaces(int64_t n) {
    return std::string(static_cast<size_t>(std::max<int64_t>(0, n)), ' ');
}

// A bar in steps of half a column; anything but zero shows at least half a column.
std::string bar(double value, const BarRoom& room, const Ink& ink) {
    const bool ascii = ink.options.ascii;
    const char* axis = ascii ? "|" : "\u2502";
    if (!std::isfinite(value) || value == 0 || room.per_column == 0)
        return spaces(room.left) + axis;
    const double length = std::abs(value) / room.per_column;
    const int64_t most = value < 0 ? room.left : room.right;
    const int64_t halves = std::clamp<int64_t>(std::llround(2 * length), 1, 2 * most);
    const int64_t whole = ascii ? (halves + 1) / 2 : halves / 2;
    const bool half = !ascii && halves % 2 == 1;
    const std::string block = repeated(ascii ? (value < 0 ? "-" : "+") : "\u2588", whole);
    const int64_t used = whole + (half ? 1 : 0);
    if (value < 0)
        return spaces(room.left - used) + ink.signed_color(value, (half ? "\u2590" : "") + block) +
               axis;
    return spaces(room.left) + axis + ink.signed_color(value, block + (half ? "\u258c" : ""));
}

// One row of the table before its columns are laid out.
struct Row {
    std::string name, value, weight;
    double number = 0;
    bool rest = false;
};

std::vector<Row> rows_of(const Ranking& ranking, const Map* map, const Ink& ink) {
    std::vector<double> values;
    for (const Weight& weight : ranking.top) values.push_back(weight.value);
    const Column column(values);
    const bool merged = displays_name_features(ranking);
    std::vector<Row> out;
    for (const Weight& weight : ranking.top) {
        std::string text = column(weight.value);
        if (weight.standard_error)
            text += (ink.options.ascii ? " +-" : " \u00b1") + number(*weight.standard_error, 2);
        std::string value = weight.display;
        if (merged)
            value.clear();
        else if (map && value.empty())
            value = place_of_segment(*map, static_cast<int32_t>(weight.index));
        out.push_back({merged ? weight.display : weight.name, value, text, weight.value, false});
    }
    if (ranking.rest > 0)
        out.push_back({std::string(ink.ellipsis()) + " and " + count(ranking.rest) + " more", "",
                       column(ranking.rest_sum), 0, true});
    return out;
}

int64_t widest(const std::vector<Row>& rows, std::string Row::*part, int64_t most) {
    int64_t out = 0;
    for (const Row& row : rows) out = std::max(out, columns(row.*part));
    return std::min(out, most);
}

std::string table(const Ranking& ranking, const Map* map, const Ink& ink) {
    const int64_t width = std::max(ink.options.width, least_width) - 2;
    std::vector<Row> rows = rows_of(ranking, map, ink);
    if (ink.options.ascii)
        for (Row& row : rows) row.name = to_ascii(row.name), row.value = to_ascii(row.value);
    const int64_t weights = widest(rows, &Row::weight, width / 2);
    // Names and values share what weights, gaps (5) and a short bar (8) leave; bars get the rest.
    const int64_t words = width - weights - 13;
    const int64_t values = widest(rows, &Row::value, words * 2 / 5);
    const int64_t names = widest(rows, &Row::name, words - values);
    const int64_t left = width - names - values - weights - (values > 0 ? 5 : 3);
    const BarRoom room = bar_room(ranking, std::clamp<int64_t>(left, 3, widest_bars));
    std::string out;
    for (const Row& row : rows) {
        std::string name = padded(shortened(row.name, names, ink.ellipsis()), names);
        out += "  " + (row.rest ? ink.dim(name) : name) + "  ";
        if (values > 0)
            out +=
                ink.dim(padded_left(shortened(row.value, values, ink.ellipsis()), values)) + "  ";
        out +=
            padded_left(row.weight, weights) + " " + (row.rest ? "" : bar(row.number, room, ink));
        while (out.back() == ' ') out.pop_back();
        out += "\n";
    }
    return out;
}

std::string header(const Explanation& explanation, const Ink& ink) {
    const int64_t width = std::max(ink.options.width, least_width);
    const std::string title =
        method_title(explanation.provenance.method) + ": " + short_target(explanation.target);
    std::string out = ink.bold(shortened(title, width, ink.ellipsis())) + "\n";
    constexpr int64_t label_width = 19;
    for (const Fact& fact : facts(explanation)) {
        const std::vector<std::string> lines = wrapped(fact.text, width - label_width - 2);
        for (size_t i = 0; i < lines.size(); ++i)
            out += "  " + ink.dim(padded(i == 0 ? fact.label : "", label_width)) + lines[i] + "\n";
    }
    return out;
}

std::string trust(const Explanation& explanation, const Ink& ink) {
    const int64_t width = std::max(ink.options.width, least_width);
    std::string out;
    for (const Finding& finding : findings(explanation)) {
        const bool warning = finding.level == Level::warning;
        const std::vector<std::string> lines =
            wrapped((warning ? "Careful: " : "") + finding.text, width - 2);
        for (size_t i = 0; i < lines.size(); ++i)
            out += (i == 0 ? "" : "  ") + (warning ? ink.bold(lines[i]) : lines[i]) + "\n";
    }
    return out;
}

// Each counterfactual: what it gets, and its changes in two columns.
std::string changes_text(const Counterfactuals& all, const Ink& ink) {
    const int64_t width = std::max(ink.options.width, least_width);
    const auto most = static_cast<size_t>(std::max<int64_t>(1, ink.options.top));
    const std::string arrow = ink.options.ascii ? " -> " : " \u2192 ";
    std::string out;
    for (size_t i = 0; i < all.found.size(); ++i) {
        const std::vector<ChangeLine> lines = change_lines(all.found[i], most, arrow);
        for (const std::string& line : wrapped(change_headline(all, i), width - 2))
            out += "  " + ink.bold(line) + "\n";
        int64_t names = 0;
        for (const ChangeLine& line : lines) names = std::max(names, columns(line.name));
        names = std::min(names, width / 2);
        for (const ChangeLine& line : lines)
            out += "    " + padded(shortened(line.name, names, ink.ellipsis()), names) + "  " +
                   shortened(line.change, width - names - 6, ink.ellipsis()) + "\n";
    }
    return out;
}

std::string rule_body(const Explanation& explanation, const Ink& ink) {
    const int64_t width = std::max(ink.options.width, least_width);
    std::string out;
    for (const std::string& line : wrapped(rule_sentence(explanation), width - 2))
        out += "  " + ink.bold(line) + "\n";
    return out;
}

// The other leaves of a local tree; the input's own stands among the facts.
std::string other_rules(const Explanation& explanation, const Ink& ink) {
    const int64_t width = std::max(ink.options.width, least_width);
    std::string out;
    for (const LocalRule& rule : explanation.local_rules) {
        if (rule.holds_here) continue;
        const std::vector<std::string> lines =
            wrapped(local_rule_sentence(explanation, rule), width - 6);
        for (size_t i = 0; i < lines.size(); ++i)
            out += (i == 0 ? "    " : "      ") + lines[i] + "\n";
    }
    if (out.empty()) return out;
    return "  " + ink.dim("the local tree elsewhere") + "\n" + out + "\n";
}

std::string body(const Explanation& explanation, const Ink& ink) {
    const std::string words = highlighted_text(explanation, ink.options);
    const std::string above = words.empty() ? "" : words + "\n";
    if (explanation.rule) return above + rule_body(explanation, ink);
    const Kind shown = kind(explanation);
    if (explanation.counterfactuals) {
        const std::string changes = above + changes_text(*explanation.counterfactuals, ink);
        return shown == Kind::table ? changes
                                    : map_as_text(map_of(explanation), ink.options) + "\n" + changes;
    }
    const Ranking ranking = rank(explanation, std::max<int64_t>(1, ink.options.top));
    if (!words.empty()) return above + table(ranking, nullptr, ink);
    if (shown == Kind::table) return table(ranking, nullptr, ink);
    const Map map = map_of(explanation);
    const std::string picture = map_as_text(map, ink.options);
    if (shown == Kind::segments) return picture + "\n" + table(ranking, &map, ink);
    const double half = half_mass(map);
    if (half == 0) return picture;
    const std::string concentration = "  half of the total weight lies in " + percent(half) +
                                      " of the " + std::to_string(map.width) + " x " +
                                      std::to_string(map.height) + " " + unit(map) + "\n";
    if (map.layer.empty()) return picture + concentration;
    // Coarse cells can be named, pixels cannot.
    constexpr int64_t most = 5;
    return picture + concentration + "\n" +
           table(rank(explanation, std::clamp<int64_t>(ink.options.top, 1, most)), nullptr, ink);
}

// What pairs add to what their features do alone.
std::string pairs(const Explanation& explanation, const Ink& ink) {
    const Ranking ranking = rank_pairs(explanation, std::max<int64_t>(1, ink.options.top));
    if (ranking.top.empty()) return "";
    return "  " + ink.dim("pairs: what two features do only together") + "\n" +
           table(ranking, nullptr, ink) + "\n";
}

}  // namespace

std::string weights_text(const Ranking& ranking, const TextOptions& options) {
    return table(ranking, nullptr, Ink{options});
}

std::string to_text(const Explanation& explanation, const TextOptions& options) {
    const Ink ink{options};
    const std::string picture = body(explanation, ink);
    const std::string out = header(explanation, ink) + "\n" + picture +
                            (picture.empty() ? "" : "\n") + pairs(explanation, ink) +
                            other_rules(explanation, ink) + trust(explanation, ink);
    return options.ascii ? to_ascii(out) : out;
}

}  // namespace whence::render
