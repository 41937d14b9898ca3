#include "whence/render/changes.h"

#include <algorithm>

#include "whence/render/block.h"
#include "whence/render/facts.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr double margin = 24, gap = 14, line_height = 18;
constexpr size_t most_shown = 50;
constexpr TextStyle head_style{.size = 13, .bold = true};
constexpr TextStyle name_style{.size = 12};
constexpr TextStyle change_style{.size = 12, .color = faint_ink};

}  // namespace

std::string change_headline(const Counterfactuals& all, size_t number) {
    const Counterfactual& one = all.found[number];
    const auto changes = std::ssize(one.changes);
    std::string out = std::to_string(number + 1) + ". " + clean(one.label) + " (target " +
                      whence::render::number(one.prediction) + "): " + count(changes) +
                      (changes == 1 ? " change" : " changes") + ", distance " +
                      whence::render::number(one.distance);
    if (one.to_data) out += ", nearest row of the data at " + whence::render::number(*one.to_data);
    return one.valid ? out : out + " \u2013 not the answer wanted";
}

std::vector<ChangeLine> change_lines(const Counterfactual& one, size_t most,
                                     const std::string& arrow) {
    std::vector<ChangeLine> out;
    for (size_t i = 0; i < std::min(most, one.changes.size()); ++i) {
        const Counterfactual::Change& change = one.changes[i];
        out.push_back({clean(change.name), clean(change.from) + arrow + clean(change.to)});
    }
    if (one.changes.size() > most)
        out.push_back(
            {"and " + count(std::ssize(one.changes) - static_cast<int64_t>(most)) + " more", ""});
    return out;
}

std::vector<std::byte> changes_chart(const Explanation& explanation, const ChartOptions& options) {
    const double width = std::clamp(options.width, 360.0, 4000.0) - 2 * margin;
    const Block above = heading(explanation, width), below = remarks(cautions(explanation), width);
    const Counterfactuals none;
    const Counterfactuals& all = explanation.counterfactuals ? *explanation.counterfactuals : none;
    const size_t shown = std::min(most_shown, all.found.size());
    std::vector<std::vector<ChangeLine>> lines;
    double height = 2 * margin + above.height() + below.height() + 2 * gap;
    for (size_t i = 0; i < shown; ++i) {
        lines.push_back(change_lines(all.found[i],
                                     static_cast<size_t>(std::clamp<int64_t>(options.top, 1, 200)),
                                     " \u2192 "));
        height += line_height * static_cast<double>(lines.back().size() + 1) + gap;
    }
    Canvas canvas(width + 2 * margin, height, options.format, std::clamp(options.scale, 0.25, 8.0));
    above.draw(canvas, margin, margin - 6);
    double y = margin + above.height() + gap;
    for (size_t i = 0; i < shown; ++i) {
        canvas.text(margin, y + 12, fitted(change_headline(all, i), width, head_style), head_style);
        canvas.line(margin, y + line_height, margin + width, y + line_height, hairline);
        for (const ChangeLine& line : lines[i]) {
            y += line_height;
            canvas.text(margin, y + 13, fitted(line.name, 0.5 * width - gap, name_style),
                        name_style);
            canvas.text(margin + 0.5 * width, y + 13,
                        fitted(line.change, 0.5 * width, change_style), change_style);
        }
        y += line_height + gap;
    }
    below.draw(canvas, margin, y);
    return canvas.finish(title_of(explanation), summary(explanation));
}

}  // namespace whence::render
