#include "whence/render/chart.h"

#include <algorithm>
#include <cmath>

#include "whence/render/bars.h"
#include "whence/render/block.h"
#include "whence/render/facts.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr double margin = 24, gap = 14, row_height = 25, bar_height = 14, head_room = 26;
constexpr int64_t most_rows = 200;
constexpr TextStyle label{.size = 12};
constexpr TextStyle quiet{.size = 12, .color = faint_ink};
constexpr TextStyle column_head{.size = 10.5, .color = faint_ink};

TextStyle right_aligned(TextStyle style) {
    style.align = Align::right;
    return style;
}

// What every chart knows before it draws.
struct Plan {
    Plan(const Explanation& explanation, const ChartOptions& options);
    [[nodiscard]] double rows_height() const {
        return row_height * static_cast<double>(ranking.top.size() + (ranking.rest > 0 ? 1 : 0));
    }
    [[nodiscard]] double height() const {
        return body + rows_height() + (below.lines.empty() ? 0 : gap + below.height()) + margin;
    }
    [[nodiscard]] std::string rest_label() const {
        return "\u2026 and " + count(ranking.rest) + " more";
    }
    [[nodiscard]] std::string weight_text(double value) const { return typeset(column(value)); }

    double width;  // without margins
    Ranking ranking;
    Column column;
    Block above, below;
    double body;  // where the first row starts
    double number_width = 0;
};

std::vector<double> values_of(const Ranking& ranking) {
    std::vector<double> out;
    for (const Weight& weight : ranking.top) out.push_back(weight.value);
    return out;
}

Plan::Plan(const Explanation& explanation, const ChartOptions& options)
    : width(std::clamp(options.width, 360.0, 4000.0) - 2 * margin),
      ranking(rank(explanation, std::clamp<int64_t>(options.top, 1, most_rows))),
      column(values_of(ranking)),
      above(heading(explanation, width)),
      below(remarks(cautions(explanation), width)),
      body(margin + above.height() + head_room) {
    for (const Weight& weight : ranking.top)
        number_width = std::max(number_width, text_width(weight_text(weight.value), label));
    if (ranking.rest > 0)
        number_width = std::max(number_width, text_width(weight_text(ranking.rest_sum), quiet));
    number_width = std::min(number_width, width / 4);
}

double widest(const std::vector<std::string>& texts, double most) {
    double out = 0;
    for (const std::string& text : texts) out = std::max(out, text_width(text, label));
    return std::min(out, most);
}

Canvas begin(const Plan& plan, const ChartOptions& options) {
    Canvas canvas(plan.width + 2 * margin, plan.height(), options.format,
                  std::clamp(options.scale, 0.25, 8.0));
    plan.above.draw(canvas, margin, margin - 6);
    plan.below.draw(canvas, margin, plan.body + plan.rows_height() + gap);
    return canvas;
}

void draw_rows(Canvas& canvas, const Plan& plan, const BarScale& scale, double numbers) {
    double y = plan.body + row_height / 2;
    for (const Weight& weight : plan.ranking.top) {
        draw_bar(canvas, scale, weight, y, bar_height);
        if (std::isfinite(weight.value))
            canvas.text(numbers, y + 4, plan.weight_text(weight.value), right_aligned(label));
        y += row_height;
    }
    if (plan.ranking.rest > 0)
        canvas.text(numbers, y + 4, plan.weight_text(plan.ranking.rest_sum), right_aligned(quiet));
}

void draw_labels(Canvas& canvas, const Plan& plan, double x, double width) {
    double y = plan.body + row_height / 2 + 4;
    for (const Weight& weight : plan.ranking.top) {
        canvas.text(x, y, fitted(label_of(weight), width, label), right_aligned(label));
        y += row_height;
    }
    if (plan.ranking.rest > 0)
        canvas.text(x, y, fitted(plan.rest_label(), width, label), right_aligned(quiet));
}

// Predicted probabilities: name, bar, number, one class below the other. Returns the width used.
double draw_scores(Canvas& canvas, const Plan& plan, const std::vector<ClassScore>& scores) {
    if (scores.empty()) return 0;
    const double width = 0.23 * plan.width;
    double y = plan.body;
    canvas.text(margin, y - 6, "prediction", column_head);
    const auto fitting =
        static_cast<size_t>(std::max(1.0, plan.rows_height() / (1.4 * row_height)));
    for (size_t i = 0; i < std::min(scores.size(), fitting); ++i) {
        const double share =
            std::isfinite(scores[i].probability) ? std::clamp(scores[i].probability, 0.0, 1.0) : 0;
        const std::string value = number(scores[i].probability);
        const double room = width - text_width(value, label) - 8;
        canvas.text(margin, y + 14, fitted(clean(scores[i].name), room, label), label);
        canvas.text(margin + width, y + 14, value, right_aligned(label));
        canvas.box(margin, y + 19, width, 5, track);
        canvas.box(margin, y + 19, share * width, 5, faint_ink);
        y += 1.4 * row_height;
    }
    return width + 2 * gap;
}

void draw_features(Canvas& canvas, const Plan& plan, double left, double right) {
    const bool merged = displays_name_features(plan.ranking);
    const double names = 0.58 * (right - left) - gap, values = 0.42 * (right - left);
    canvas.text(left, plan.body - 6, "feature", column_head);
    if (!merged) canvas.text(right, plan.body - 6, "value", right_aligned(column_head));
    canvas.line(left, plan.body, right, plan.body, hairline);
    double y = plan.body + row_height / 2 + 4;
    for (const Weight& weight : plan.ranking.top) {
        // A name may use the room that its value leaves.
        const std::string value = merged ? "" : fitted(weight.display, values, label);
        const double room = std::max(names, right - left - gap - text_width(value, label));
        canvas.text(left, y, fitted(merged ? weight.display : weight.name, room, label), label);
        canvas.text(right, y, value, right_aligned(label));
        canvas.line(left, y + 8.5, right, y + 8.5, track);
        y += row_height;
    }
    if (plan.ranking.rest > 0) canvas.text(left, y, plan.rest_label(), quiet);
}

}  // namespace

std::vector<std::byte> weight_chart(const Explanation& explanation, const ChartOptions& options) {
    const Plan plan(explanation, options);
    std::vector<std::string> labels{plan.ranking.rest > 0 ? plan.rest_label() : ""};
    for (const Weight& weight : plan.ranking.top) labels.push_back(label_of(weight));
    const double label_width = widest(labels, 0.42 * plan.width);
    const double left = margin + label_width + gap, end = margin + plan.width;
    const BarScale scale = BarScale::over(plan.ranking, left, end - plan.number_width - gap);
    Canvas canvas = begin(plan, options);
    draw_zero(canvas, scale, plan.body, plan.body + plan.rows_height(),
              scale_name(explanation));
    draw_labels(canvas, plan, left - gap, label_width);
    draw_rows(canvas, plan, scale, end);
    return canvas.finish(title_of(explanation), summary(explanation));
}

std::vector<std::byte> weight_table(const Explanation& explanation,
                                    const std::vector<ClassScore>& scores,
                                    const ChartOptions& options) {
    const Plan plan(explanation, options);
    Canvas canvas = begin(plan, options);
    const double left = margin + draw_scores(canvas, plan, scores);
    const double end = margin + plan.width;
    const double table = left + 0.5 * (end - left), numbers = table - 2 * gap;
    const BarScale scale = BarScale::over(plan.ranking, left, numbers - plan.number_width - gap);
    draw_zero(canvas, scale, plan.body, plan.body + plan.rows_height(),
              scale_name(explanation));
    draw_rows(canvas, plan, scale, numbers);
    draw_features(canvas, plan, table, end);
    return canvas.finish(title_of(explanation), summary(explanation));
}

}  // namespace whence::render
