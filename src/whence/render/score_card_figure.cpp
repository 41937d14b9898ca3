#include <algorithm>
#include <cmath>

#include "whence/render/facts.h"
#include "whence/render/number.h"
#include "whence/render/plot_parts.h"
#include "whence/render/score_card.h"
#include "whence/render/score_card_parts.h"

namespace whence::render {
namespace {

constexpr double line_height = 22, title_height = 24;

Block heading_of(const ScoreCard& card, double width) {
    constexpr TextStyle title_style{.size = 17, .bold = true};
    Block out;
    out.lines.push_back({fitted(title_of(card), width, title_style), title_style, 25});
    for (const std::string& setting : setting_of(card))
        for (const std::string& line : broken(setting, width, plot_quiet))
            out.lines.push_back({line, plot_quiet, 16});
    return out;
}

// What was found stands under a picture; what metrics assume fills a page of its own.
std::vector<std::string> findings(const ScoreCard& card) {
    std::vector<std::string> out = {
        "Dots are means over samples, lines their 95 % bootstrap intervals; a full dot is "
        "distinguishably better than every other method."};
    for (const Conclusion& one : card.verdict)
        if (one.rule != "assumptions") out.push_back(clean(one.text, 1000));
    return out;
}

void draw_metric(Canvas& canvas, const ScoreCard& card, const ScoreCardRow& row, double left,
                 double right, double top) {
    constexpr Rgb color = negative;
    std::vector<std::string> names, numbers;
    std::vector<double> range;
    for (size_t m = 0; m < row.of.size(); ++m) {
        names.push_back(clean(card.methods[m].name));
        numbers.push_back(value_text(row.of[m]));
        for (const double end : {row.of[m].value, row.of[m].low, row.of[m].high})
            if (std::isfinite(end)) range.push_back(end);
    }
    const double labels = names_width(names, 0.3 * (right - left));
    const double values = names_width(numbers, 0.2 * (right - left));
    const Axis axis = Axis::over(range, left + labels + plot_gap, right - values - plot_gap);
    canvas.text(left, top + 14, fitted(direction(row), right - left, plot_label),
                {.size = 12, .bold = true});
    top += title_height;
    draw_names(canvas, names, left + labels, labels, top, line_height);
    for (size_t m = 0; m < row.of.size(); ++m) {
        const ScoreEstimate& e = row.of[m];
        const double y = top + (static_cast<double>(m) + 0.5) * line_height;
        canvas.line(axis.from, y, axis.to, y, track);
        canvas.text(right, y + 4, typeset(numbers[m]), aligned(plot_label, Align::right));
        if (!std::isfinite(e.value)) continue;
        if (std::isfinite(e.low)) canvas.line(axis.at(e.low), y, axis.at(e.high), y, color, 2);
        canvas.dot(axis.at(e.value), y, 5, color);
        if (!e.best) canvas.dot(axis.at(e.value), y, 3, paper);
    }
}

}  // namespace

Bytes draw(const ScoreCard& card, const PlotOptions& options) {
    const double panel = title_height + line_height * static_cast<double>(card.methods.size());
    const double each = panel + plot_gap;
    Page page(heading_of(card, plot_width(options)), findings(card),
              each * static_cast<double>(card.table.size()), options);
    double top = page.top();
    for (const ScoreCardRow& row : card.table) {
        draw_metric(page.canvas(), card, row, page.left(), page.right(), top);
        top += each;
    }
    return page.finish(title_of(card), "Scores of methods by metrics, with their intervals.");
}

}  // namespace whence::render
