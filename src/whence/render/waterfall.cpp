// Waterfall and force: how the features of one row lead from f(baseline) to f(x).
#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/render/facts.h"
#include "whence/render/plot_parts.h"
#include "whence/render/ranking.h"

namespace whence::render {
namespace {

constexpr double row_height = 28, bar_height = 18;

// One arrow from a value to the next.
struct Step {
    std::string label;
    double change = 0;
    bool rest = false;  // what the values do not explain
};

struct Steps {
    double start = 0;
    std::vector<Step> steps;  // from f(baseline) to f(x), the smallest first
    bool from_baseline = true;
};

Steps steps_of(const Explanation& explanation, int64_t top) {
    (void)explained_rows({explanation});  // refuses what has no values for a feature
    const Ranking ranking = rank(explanation, std::clamp<int64_t>(top, 1, 100));
    const TargetRecord& target = explanation.target;
    Steps out;
    double sum = 0;
    for (const Weight& weight : ranking.top) {
        const double change = std::isfinite(weight.value) ? weight.value : 0;
        out.steps.insert(out.steps.begin(), {label_of(weight), change});
        sum += change;
    }
    if (ranking.rest > 0) {
        out.steps.insert(out.steps.begin(),
                         {count(ranking.rest) + " other features", ranking.rest_sum});
        sum += ranking.rest_sum;
    }
    // A method without f(baseline) starts at its intercept, or where its sum ends at f(x).
    out.from_baseline = target.baseline_value && std::isfinite(*target.baseline_value);
    const double value = std::isfinite(target.value) ? target.value : sum;
    out.start = out.from_baseline ? *target.baseline_value
                                  : explanation.attribution.intercept.value_or(value - sum);
    const double unexplained = value - (out.start + sum);
    if (std::abs(unexplained) > 1e-6 * std::max({1.0, std::abs(value), std::abs(sum)}))
        out.steps.push_back({"not explained by the values", unexplained, true});
    return out;
}

Rgb color_of(const Step& step) {
    return step.rest ? faint_ink : step.change < 0 ? negative : positive;
}

// A bar with a point at the end it leads to.
void draw_arrow(Canvas& canvas, double from, double to, double y, Rgb color) {
    const double half = bar_height / 2, head = std::min(7.0, std::abs(to - from));
    const double neck = to > from ? to - head : to + head;
    canvas.polygon({{from, y - half}, {neck, y - half}, {to, y}, {neck, y + half}, {from, y + half}},
                   color);
}

std::vector<double> stations(const Steps& steps) {
    std::vector<double> out{steps.start};
    for (const Step& step : steps.steps) out.push_back(out.back() + step.change);
    return out;
}

std::string start_name(const Steps& steps) {
    return steps.from_baseline ? "f(baseline)" : "start";
}

}  // namespace

Bytes waterfall(const Explanation& explanation, const PlotOptions& options) {
    const Steps steps = steps_of(explanation, options.top);
    const std::vector<double> values = stations(steps);
    const double width = plot_width(options);
    const double rows = row_height * static_cast<double>(steps.steps.size());
    Page page(heading(explanation, width), cautions(explanation), rows + 2 * axis_room, options);
    Canvas& canvas = page.canvas();
    std::vector<std::string> names;
    for (auto step = steps.steps.rbegin(); step != steps.steps.rend(); ++step)
        names.push_back(step->label);
    const double labels = names_width(names, 0.42 * width);
    constexpr double numbers = 64;  // beside the longest arrow
    const Axis axis = Axis::over(values, page.left() + labels + plot_gap, page.right() - numbers);
    const double top = page.top() + axis_room / 2, bottom = top + rows;
    draw_axis_below(canvas, axis, top, bottom, scale_name(explanation));
    draw_names(canvas, names, page.left() + labels, labels, top, row_height);
    for (size_t i = 0; i < steps.steps.size(); ++i) {
        const Step& step = steps.steps[i];
        const double y = bottom - (static_cast<double>(i) + 0.5) * row_height;
        const double from = axis.at(values[i]), to = axis.at(values[i + 1]);
        draw_arrow(canvas, from, to, y, color_of(step));
        canvas.text(std::max(from, to) + 5, y + 4, typeset(signed_number(step.change)), plot_label);
        // The next arrow, one row up, starts where this one ends.
        canvas.line(to, y, to, y - row_height / 2 - (i + 1 < steps.steps.size() ? row_height / 2 : 0),
                    hairline);
    }
    const double x0 = axis.at(steps.start), x1 = axis.at(values.back());
    canvas.text(x0, bottom + axis_room + 6,
                start_name(steps) + " = " + typeset(number(steps.start)),
                aligned(plot_quiet, Align::center));
    canvas.text(x1, top - 8, "f(x) = " + typeset(number(values.back())),
                aligned(plot_quiet, Align::center));
    return page.finish(title_of(explanation), summary(explanation));
}

Bytes force(const Explanation& explanation, const PlotOptions& options) {
    const Steps steps = steps_of(explanation, options.top);
    const double width = plot_width(options);
    // What raises stands left of f(x), what lowers right of it; the largest touch it.
    std::vector<const Step*> raising, lowering;
    for (auto step = steps.steps.rbegin(); step != steps.steps.rend(); ++step)
        (step->change < 0 ? lowering : raising).push_back(&*step);
    const auto larger = [](const Step* a, const Step* b) {
        return std::abs(a->change) > std::abs(b->change);
    };
    std::ranges::stable_sort(raising, larger);
    std::ranges::stable_sort(lowering, larger);
    const double fx = stations(steps).back();
    std::vector<double> ends{steps.start, fx, fx};
    for (const Step* step : raising) ends[1] -= step->change;
    for (const Step* step : lowering) ends[2] -= step->change;

    constexpr double band = 26, line_height = 15, head = 46;
    const size_t listed = std::max(raising.size(), lowering.size());
    const double height = head + band + axis_room + line_height * static_cast<double>(listed) + 24;
    Page page(heading(explanation, width), cautions(explanation), height, options);
    Canvas& canvas = page.canvas();
    const Axis axis = Axis::over(std::vector<double>{ends[0], ends[1], ends[2], fx}, page.left(),
                                 page.right());
    const double top = page.top() + head, middle = top + band / 2;
    draw_axis_below(canvas, axis, top - 6, top + band + 4, scale_name(explanation));
    const auto draw_side = [&](const std::vector<const Step*>& side) {
        double at = fx;
        for (const Step* step : side) {
            const double next = at - step->change;
            const double from = axis.at(next), to = axis.at(at), point = to > from ? 5 : -5;
            canvas.polygon({{from, top},
                            {to, top},
                            {to + (at == fx ? 0 : point), middle},
                            {to, top + band},
                            {from, top + band},
                            {from + point, middle}},
                           color_of(*step));
            canvas.polyline({{from, top}, {from + point, middle}, {from, top + band}}, paper, 1.5);
            at = next;
        }
    };
    draw_side(raising);
    draw_side(lowering);
    const double x = axis.at(fx), x0 = axis.at(steps.start);
    canvas.line(x, top - 8, x, top + band + 4, ink, 1.5);
    canvas.line(x0, top - 8, x0, top + band + 4, faint_ink, 1);
    canvas.text(x, top - 26, "f(x) = " + typeset(number(fx)),
                aligned({.size = 12, .bold = true}, Align::center));
    canvas.text(x0, top - 12, start_name(steps) + " = " + typeset(number(steps.start)),
                aligned(plot_quiet, Align::center));
    const double lists = top + band + axis_room + 18;
    const auto list = [&](const std::vector<const Step*>& side, double at, Align align,
                          const char* title, Rgb color) {
        canvas.text(at, lists, title, aligned({.size = 10.5, .color = color}, align));
        for (size_t i = 0; i < side.size(); ++i)
            canvas.text(at, lists + line_height * static_cast<double>(i + 1) + 2,
                        fitted(side[i]->label + "  " + typeset(signed_number(side[i]->change)),
                               width / 2 - plot_gap, plot_quiet),
                        aligned({.size = 10.5}, align));
    };
    list(raising, page.left(), Align::left, "raises", positive);
    list(lowering, page.right(), Align::right, "lowers", negative);
    return page.finish(title_of(explanation), summary(explanation));
}

}  // namespace whence::render
