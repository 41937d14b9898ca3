#include "whence/render/rule.h"

#include <algorithm>
#include <cmath>

#include "whence/render/block.h"
#include "whence/render/facts.h"
#include "whence/render/heat.h"
#include "whence/render/number.h"
#include "whence/render/text_image.h"

namespace whence::render {
namespace {

constexpr double margin = 24, gap = 18, least_width = 560, caption_height = 22;
constexpr int64_t side = 560;          // of a panel, in pixels
constexpr double pixels_per_unit = 2;  // as other figures
constexpr TextStyle rule_style{.size = 15}, numbers_style{.size = 13};

std::string condition_text(const Explanation& explanation, const Rule::Condition& condition) {
    const std::string text = clean(condition.text);
    if (kind(explanation) != Kind::segments) return text;
    return text + " (" +
           place_of_segment(map_of(explanation), static_cast<int32_t>(condition.feature)) + ")";
}

Block rule_block(const Explanation& explanation, double width) {
    Block out;
    for (const std::string& line : rule_lines(explanation))
        for (const std::string& part : broken(line, width, rule_style))
            if (!part.empty()) out.lines.push_back({part, rule_style, 23});
    out.lines.push_back({rule_numbers(*explanation.rule), numbers_style, 26});
    return out;
}

struct Panel {
    std::string caption;
    Picture picture;
};

}  // namespace

std::vector<std::string> rule_lines(const Explanation& explanation) {
    const std::string then = short_target(explanation.target);
    const std::vector<Rule::Condition>& conditions = explanation.rule->conditions;
    if (conditions.empty()) return {"ALWAYS " + then};
    std::vector<std::string> out;
    for (const Rule::Condition& condition : conditions)
        out.push_back((out.empty() ? "IF " : "AND ") + condition_text(explanation, condition));
    out.push_back("THEN " + then);
    return out;
}

bool is_proven(const Rule& rule) {
    return rule.precision_low == 1 && rule.confidence == 1;
}

std::string rule_numbers(const Rule& rule) {
    const std::string precision = is_proven(rule) ? "precision 1, proven"
                                                  : "precision " + number(rule.precision) + " [" +
                                                        number(rule.precision_low) + ", " +
                                                        number(rule.precision_high) + "]";
    return precision + (std::isnan(rule.coverage) ? ", coverage not known"
                                                  : ", coverage " + number(rule.coverage));
}

std::string rule_sentence(const Explanation& explanation) {
    std::string out;
    for (const std::string& line : rule_lines(explanation)) out += (out.empty() ? "" : " ") + line;
    return out + ", " + rule_numbers(*explanation.rule);
}

std::vector<std::byte> rule_figure(const Explanation& explanation, const Tensor* image,
                                   const FigureOptions& options) {
    std::vector<Panel> panels;
    double shown = 0, width = least_width;
    if (image && kind(explanation) == Kind::segments) {
        const Picture seen = to_picture(*image);
        const int64_t factor = pixel_factor(seen.height, seen.width, side);
        panels = {{"image", enlarged(seen, factor)},
                  {"what the rule names", spotlight(map_of(explanation), seen, factor * seen.height,
                                                    factor * seen.width)}};
        const Picture& first = panels[0].picture;
        const double shrink =
            std::min(1.0, static_cast<double>(side) /
                              static_cast<double>(std::max(first.height, first.width)));
        shown = std::max(1.0, shrink * static_cast<double>(first.height) / pixels_per_unit);
    }
    const auto width_of = [&](const Panel& panel) {
        return std::clamp(shown * static_cast<double>(panel.picture.width) /
                              static_cast<double>(panel.picture.height),
                          1.0, 600.0);
    };
    double used = 0;
    for (const Panel& panel : panels) used += width_of(panel) + gap;
    width = std::max(width, used - gap);
    const Block above = heading(explanation, width), rule = rule_block(explanation, width);
    std::vector<std::string> texts = cautions(explanation);
    if (!options.note.empty()) texts.push_back(clean(options.note, 1000));
    const Block below = remarks(texts, width);
    const double top = margin + above.height() + (panels.empty() ? 0 : caption_height);
    const double body = top + shown + gap, foot = body + rule.height() + gap;
    Canvas canvas(width + 2 * margin, foot + below.height() + margin, options.format,
                  std::clamp(options.scale, 0.25, 8.0));
    above.draw(canvas, margin, margin - 6);
    double x = margin;
    for (const Panel& panel : panels) {
        canvas.text(x, top - 7, panel.caption, {.size = 11.5});
        canvas.picture(x, top, width_of(panel), shown, panel.picture);
        canvas.frame(x, top, width_of(panel), shown, hairline);
        x += width_of(panel) + gap;
    }
    rule.draw(canvas, margin, body);
    below.draw(canvas, margin, foot);
    return canvas.finish(title_of(explanation), summary(explanation));
}

}  // namespace whence::render
