#include <fmt/format.h>

#include <algorithm>

#include "whence/render/facts.h"
#include "whence/render/number.h"
#include "whence/render/score_card.h"
#include "whence/render/score_card_parts.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

constexpr int64_t least_width = 40, gap = 2;

std::string styled(const char* code, const std::string& text, const TextOptions& options) {
    return options.color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::string paragraph(const std::string& text, const TextOptions& options,
                      const std::string& mark) {
    const std::string indent(mark.size(), ' ');
    std::string out;
    for (const std::string& line :
         wrapped(text, std::max(options.width, least_width) - columns(mark)))
        out += (out.empty() ? mark : indent) + line + "\n";
    return out;
}

std::string value_cell(const ScoreEstimate& estimate) {
    return value_text(estimate) + (estimate.best ? " *" : "");
}

std::string metric_cell(const ScoreCardRow& row, const TextOptions& options) {
    const char* up = options.ascii ? " (higher)" : " \u2191";
    const char* down = options.ascii ? " (lower)" : " \u2193";
    return clean(row.metric) + (row.higher_is_better ? up : down);
}

// Methods [from, to) beside the metrics: a line of values, and one of their intervals.
std::string block(const ScoreCard& card, size_t from, size_t to, int64_t names,
                  const std::vector<int64_t>& widths, const TextOptions& options) {
    const auto line = [&](const std::string& first, const auto& cell) {
        std::string out = padded(first, names);
        for (size_t m = from; m < to; ++m)
            out += std::string(gap, ' ') + padded(cell(m), widths[m]);
        out.erase(out.find_last_not_of(' ') + 1);
        return out + "\n";
    };
    std::string out =
        styled("1", line("", [&](size_t m) { return clean(card.methods[m].name); }), options);
    for (const ScoreCardRow& row : card.table) {
        out += line(metric_cell(row, options), [&](size_t m) { return value_cell(row.of[m]); });
        const bool intervals =
            std::any_of(row.of.begin() + static_cast<std::ptrdiff_t>(from),
                        row.of.begin() + static_cast<std::ptrdiff_t>(to),
                        [](const ScoreEstimate& e) { return !interval_text(e).empty(); });
        if (intervals)
            out +=
                styled("2", line("", [&](size_t m) { return interval_text(row.of[m]); }), options);
    }
    return out;
}

std::string table(const ScoreCard& card, const TextOptions& options) {
    int64_t names = 0;
    for (const ScoreCardRow& row : card.table)
        names = std::max(names, columns(metric_cell(row, options)));
    std::vector<int64_t> widths;
    for (size_t m = 0; m < card.methods.size(); ++m) {
        widths.push_back(columns(clean(card.methods[m].name)));
        for (const ScoreCardRow& row : card.table)
            widths.back() = std::max(
                {widths.back(), columns(value_cell(row.of[m])), columns(interval_text(row.of[m]))});
    }
    std::string out;
    for (size_t from = 0; from < widths.size();) {
        if (from > 0) out += "\n";
        int64_t used = names;
        size_t to = from;
        while (to < widths.size() &&
               (to == from || used + gap + widths[to] <= std::max(options.width, least_width)))
            used += gap + widths[to++];
        out += block(card, from, to, names, widths, options);
        from = to;
    }
    return out;
}

// The first `words` columns are words.
std::string lines(const Cells& cells, size_t words, const TextOptions& options) {
    std::vector<int64_t> widths(cells[0].size(), 0);
    for (const auto& row : cells)
        for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], columns(row[c]));
    std::string out;
    for (size_t r = 0; r < cells.size(); ++r) {
        std::string line;
        for (size_t c = 0; c < cells[r].size(); ++c)
            line +=
                c == 0      ? padded(cells[r][c], widths[c])
                : c < words ? std::string(gap, ' ').append(padded(cells[r][c], widths[c]))
                            : padded_left(cells[r][c], widths[c] + gap);
        out += (r == 0 ? styled("2", line, options) : line) + "\n";
    }
    return out;
}

std::string by_groups(const ScoreCard& card, const TextOptions& options) {
    std::string out;
    for (const std::string& column : grouping_columns(card))
        out.append("\n")
            .append(styled("1", fmt::format("By {}", clean(column)), options))
            .append("\n")
            .append(lines(gaps_of(card, column, false), 2, options));
    return out;
}

}  // namespace

std::string to_text(const ScoreCard& card, const TextOptions& options) {
    std::string out = styled("1", title_of(card), options).append("\n");
    for (const std::string& line : setting_of(card)) out += paragraph(line, options, "  ");
    out.append("\n").append(table(card, options));
    const bool marked = std::ranges::any_of(card.table, [](const ScoreCardRow& row) {
        return std::ranges::any_of(row.of, &ScoreEstimate::best);
    });
    std::string legend = "Means over samples and their 95 % bootstrap intervals.";
    if (marked) legend += " * distinguishably better than every other method (paired by samples).";
    out.append(paragraph(legend, options, "")).append("\n").append(lines(costs_of(card), 1, options));
    out += paragraph("Metrics asked the model " + count(card.evaluations) + " more times, in " +
                         duration(card.seconds) + ".",
                     options, "");
    out += by_groups(card, options);
    const std::vector<std::string> remarks = remarks_of(card);
    if (!remarks.empty()) out += "\n";
    for (const std::string& remark : remarks) out += paragraph(remark, options, "- ");
    out.append("\n").append(styled("1", "What may be concluded, and what may not", options));
    out.append("\n");
    for (const Conclusion& one : card.verdict)
        out += paragraph(clean(one.text, 2000), options, one.caution ? "! " : "+ ");
    return options.ascii ? to_ascii(out) : out;
}

}  // namespace whence::render
