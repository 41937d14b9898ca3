#include "whence/render/plot_parts.h"

#include <algorithm>
#include <cmath>

#include "whence/render/facts.h"
#include "whence/render/ranking.h"

namespace whence::render {

TextStyle aligned(TextStyle style, Align align) {
    style.align = align;
    return style;
}

double plot_width(const PlotOptions& options) {
    return std::clamp(options.width, 360.0, 4000.0) - 2 * plot_margin;
}

Page::Page(Block above, const std::vector<std::string>& texts, double height,
           const PlotOptions& options)
    : width_(plot_width(options)),
      above_(std::move(above)),
      below_(remarks(texts, width_)),
      top_(plot_margin + above_.height() + plot_gap),
      canvas_(width_ + 2 * plot_margin,
              top_ + height + (below_.lines.empty() ? 0 : plot_gap + below_.height()) + plot_margin,
              options.format, std::clamp(options.scale, 0.25, 8.0)) {
    above_.draw(canvas_, plot_margin, plot_margin - 6);
    below_.draw(canvas_, plot_margin, top_ + height + plot_gap);
}

Bytes Page::finish(const std::string& title, const std::string& description) {
    return canvas_.finish(title, description);
}

Block rows_heading(const std::string& title, const ExplainedRows& rows,
                   const std::vector<Explanation>& explanations, double width) {
    constexpr TextStyle title_style{.size = 17, .bold = true};
    Block out;
    out.lines.push_back({fitted(title, width, title_style), title_style, 25});
    const Explanation& first = explanations[0];
    std::string facts = count(static_cast<int64_t>(rows.rows())) +
                        (rows.rows() == 1 ? " row" : " rows") + "  \u00b7  " +
                        method_title(first.provenance.method) + "  \u00b7  " +
                        target_name(first.target) + ", " + rows.scale;
    if (!first.target.baseline.empty())
        facts += "  \u00b7  baseline: " + clean(first.target.baseline);
    for (const std::string& line : broken(facts, width, plot_quiet))
        out.lines.push_back({line, plot_quiet, 16});
    return out;
}

std::vector<std::string> rows_remarks(const std::vector<Explanation>& explanations) {
    std::vector<std::string> out;
    double worst = -1;
    bool classes_differ = false;
    for (const Explanation& e : explanations) {
        classes_differ |= e.target.resolved.index != explanations[0].target.resolved.index;
        worst = std::max(worst, e.diagnostics.relative_error.value_or(-1));
    }
    if (classes_differ)
        out.emplace_back("The rows were explained for different classes: their values do not belong "
                         "in one picture.");
    if (worst >= 0)
        out.push_back("Attribution error: at most " + percent(worst) + " of a row's difference.");
    // What is said of every row; what is said of some is in their own explanations.
    for (const std::string& note : explanations[0].diagnostics.notes)
        if (std::ranges::all_of(explanations, [&](const Explanation& e) {
                return std::ranges::find(e.diagnostics.notes, note) != e.diagnostics.notes.end();
            }))
            out.push_back(clean(note, 400));
    return out;
}

size_t shown_features(const ExplainedRows& rows, const PlotOptions& options) {
    return std::min(rows.features(),
                    static_cast<size_t>(std::clamp<int64_t>(options.top, 1, 100)));
}

double names_width(const std::vector<std::string>& names, double most) {
    double out = 0;
    for (const std::string& name : names) out = std::max(out, text_width(name, plot_label));
    return std::min(out, most);
}

void draw_names(Canvas& canvas, const std::vector<std::string>& names, double x, double width,
                double top, double row_height) {
    for (size_t i = 0; i < names.size(); ++i)
        canvas.text(x, top + (static_cast<double>(i) + 0.5) * row_height + 4,
                    fitted(names[i], width, plot_label), aligned(plot_label, Align::right));
}

Rgb rank_color(double rank) {
    return std::isfinite(rank) ? mix(negative, positive, std::clamp(rank, 0.0, 1.0)) : not_a_number;
}

void draw_rank_legend(Canvas& canvas, double x, double top, double bottom,
                      const std::string& what) {
    constexpr int steps = 40;
    const double height = (bottom - top) / steps;
    for (int i = 0; i < steps; ++i)
        canvas.box(x, top + i * height, 6, height + 0.5, rank_color(1 - (i + 0.5) / steps));
    canvas.text(x + 12, top + 8, "high", plot_quiet);
    canvas.text(x + 12, bottom, "low", plot_quiet);
    double y = (top + bottom) / 2;
    for (const std::string& line : broken(what, 60, plot_quiet)) {
        canvas.text(x + 12, y, line, plot_quiet);
        y += 13;
    }
}

}  // namespace whence::render
