#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/render/bars.h"
#include "whence/render/escape.h"
#include "whence/render/global.h"
#include "whence/render/global_parts.h"
#include "whence/render/html.h"
#include "whence/render/plot_parts.h"

namespace whence::render {
namespace {

Block heading_of(const GlobalView& view, double width) {
    constexpr TextStyle title_style{.size = 17, .bold = true};
    Block out;
    out.lines.push_back({fitted(title_of(view), width, title_style), title_style, 25});
    std::string line;
    for (const Fact& fact : facts(view)) {
        const std::string part = fact.label == "target" ? fact.text : fact.label + ": " + fact.text;
        line += (line.empty() ? "" : "  \u00b7  ") + part;
    }
    for (const std::string& one : broken(line, width, plot_quiet))
        out.lines.push_back({one, plot_quiet, 16});
    return out;
}

Bytes draw_bars(const GlobalView& view, const PlotOptions& options) {
    constexpr double row_height = 26, title_height = 30;
    const std::vector<Bars> groups = bars_of(view, std::clamp<int64_t>(options.top, 1, 100));
    double height = 0;
    for (const Bars& bars : groups) {
        height += title_height +
                  row_height * static_cast<double>(std::max<size_t>(1, bars.ranking.top.size())) +
                  plot_gap;
    }
    Page page(heading_of(view, plot_width(options)), remarks_of(view), height, options);
    Canvas& canvas = page.canvas();
    double top = page.top();
    for (const Bars& bars : groups) {
        canvas.text(page.left(), top + 14,
                    fitted(bars.title, page.right() - page.left(), plot_quiet), plot_quiet);
        top += title_height;
        std::vector<std::string> names;
        std::vector<std::string> numbers;
        for (const Weight& weight : bars.ranking.top) {
            names.push_back(weight.name);
            numbers.push_back(weight.display.empty() ? number(weight.value) : weight.display);
        }
        const double labels = names_width(names, 0.4 * plot_width(options));
        const double values = names_width(numbers, 0.2 * plot_width(options));
        const BarScale scale = BarScale::over(bars.ranking, page.left() + labels + plot_gap,
                                              page.right() - values - plot_gap);
        draw_names(canvas, names, page.left() + labels, labels, top, row_height);
        const double height_of_rows = row_height * static_cast<double>(names.size());
        canvas.line(scale.x(0), top, scale.x(0), top + height_of_rows, hairline);
        for (size_t i = 0; i < names.size(); ++i) {
            const double y = top + (static_cast<double>(i) + 0.5) * row_height;
            draw_bar(canvas, scale, bars.ranking.top[i], y, 14);
            canvas.text(page.right(), y + 4, typeset(fitted(numbers[i], values, plot_label)),
                        aligned(plot_label, Align::right));
        }
        if (names.empty()) canvas.text(page.left(), top + 16, "nothing", plot_quiet);
        top += row_height * static_cast<double>(std::max<size_t>(1, names.size())) + plot_gap;
    }
    return page.finish(title_of(view), groups[0].title);
}

Bytes draw_outline(const GlobalView& view, const PlotOptions& options) {
    const double width = plot_width(options);
    Block lines;
    for (const std::string& line : outline_of(view)) {
        const size_t indent = line.find_first_not_of(' ');
        const double room = width - static_cast<double>(indent) * 9;
        const std::vector<std::string> parts = broken(line.substr(indent), room, plot_label);
        for (size_t i = 0; i < parts.size(); ++i)
            lines.lines.push_back(
                {std::string(2 * indent + (i > 0 ? 6 : 0), ' ') + parts[i], plot_label, 20});
    }
    Page page(heading_of(view, width), remarks_of(view), lines.height(), options);
    double y = page.top();
    for (const TextLine& line : lines.lines) {
        const size_t indent = line.text.find_first_not_of(' ');
        page.canvas().text(page.left() + static_cast<double>(indent) * 4.5, y + 14,
                           line.text.substr(indent), line.style);
        y += line.height;
    }
    return page.finish(title_of(view), "An outline: each line is a test or an answer.");
}

// Where the points of a grid stand: numbers on a line, categories side by side.
std::vector<double> places(const GlobalView& view, const Curve& curve) {
    if (!view.schema[curve.feature].categorical()) return curve.grid;
    std::vector<double> out;
    for (size_t i = 0; i < curve.grid.size(); ++i) out.push_back(static_cast<double>(i));
    return out;
}

// A line that is left open where a value is no number.
void draw_line(Canvas& canvas, const Axis& x, const Axis& y, const std::vector<double>& xs,
               const std::vector<double>& ys, Rgb color, double thickness) {
    std::vector<Point> part;
    const auto end = [&] {
        if (part.size() > 1) canvas.polyline(part, color, thickness);
        part.clear();
    };
    for (size_t i = 0; i < xs.size(); ++i)
        if (std::isfinite(ys[i]))
            part.push_back({x.at(xs[i]), y.at(ys[i])});
        else
            end();
    end();
}

struct Panel {
    double left, right, top, bottom;
};

void draw_panel(Canvas& canvas, const GlobalView& view, const Curve& curve, const Axis& values,
                const Panel& at) {
    constexpr Rgb line_color = negative;
    const Rgb faint = mix(line_color, paper, 0.72);
    const bool categorical = view.schema[curve.feature].categorical();
    const std::string name =
        fitted(view.schema[curve.feature].name, at.right - at.left, plot_quiet);
    const std::vector<double> xs = places(view, curve);
    const Axis x = Axis::over(xs, at.left, at.right);
    const Axis y{values.low, values.high, at.bottom, at.top};
    draw_axis_left(canvas, y, at.left, at.right);
    if (!categorical) {
        draw_axis_below(canvas, x, at.top, at.bottom, name);
    } else {
        const double room =
            (at.right - at.left) / static_cast<double>(std::max<size_t>(1, xs.size()));
        for (size_t i = 0; i < xs.size(); ++i)
            canvas.text(x.at(xs[i]), at.bottom + 15,
                        fitted(point_name(view, curve, i), room, plot_quiet),
                        aligned(plot_quiet, Align::center));
        canvas.text((at.left + at.right) / 2, at.bottom + 31, name,
                    aligned(plot_quiet, Align::center));
    }
    for (const std::vector<double>& line : curve.lines)
        draw_line(canvas, x, y, xs, line, faint, 0.7);
    for (const double decile : curve.deciles)
        if (decile >= x.low && decile <= x.high)
            canvas.line(x.at(decile), at.bottom - 6, x.at(decile), at.bottom, faint_ink, 1);
    if (!categorical) draw_line(canvas, x, y, xs, curve.values, line_color, 2.2);
    for (size_t i = 0; i < xs.size(); ++i)
        if (std::isfinite(curve.values[i]) && (categorical || xs.size() == 1))
            canvas.dot(x.at(xs[i]), y.at(curve.values[i]), 3.5, line_color);
}

Bytes draw_curves(const GlobalView& view, const PlotOptions& options) {
    const std::vector<const Curve*> curves = shown_curves(view, std::min<int64_t>(options.top, 24));
    const size_t all = std::get<Curves>(view.result).curves.size();
    const size_t across = curves.size() > 1 ? 2 : 1;
    const double width = plot_width(options), numbers = 56;
    const double panel_width =
        (width - plot_gap * static_cast<double>(across - 1)) / static_cast<double>(across);
    const double panel_height = across == 1 ? 0.5 * width : 150;
    const double row = panel_height + axis_room + plot_gap;
    std::vector<double> range;
    for (const Curve* curve : curves) {
        range.insert(range.end(), curve->values.begin(), curve->values.end());
        for (const std::vector<double>& line : curve->lines)
            range.insert(range.end(), line.begin(), line.end());
    }
    std::vector<std::string> notes = remarks_of(view);
    if (all > curves.size())
        notes.insert(notes.begin(), count(static_cast<int64_t>(all - curves.size())) +
                                        " features whose curves move less are not shown.");
    const bool marks =
        std::ranges::any_of(curves, [](const Curve* curve) { return !curve->deciles.empty(); });
    if (marks) notes.insert(notes.begin(), "Marks on the axis: deciles of the column.");
    Page page(heading_of(view, width), notes,
              20 + row * static_cast<double>((curves.size() + across - 1) / across), options);
    page.canvas().text(page.left(), page.top() + 6, curve_axis(view), plot_quiet);
    const Axis values = Axis::over(range, 0, 1);
    for (size_t i = 0; i < curves.size(); ++i) {
        const double left =
            page.left() + static_cast<double>(i % across) * (panel_width + plot_gap);
        const double top = page.top() + 20 + static_cast<double>(i / across) * row;
        draw_panel(page.canvas(), view, *curves[i], values,
                   {left + numbers, left + panel_width, top, top + panel_height});
    }
    return page.finish(title_of(view), curve_axis(view));
}

}  // namespace

Bytes draw(const GlobalView& view, const PlotOptions& options) {
    if (std::holds_alternative<Curves>(view.result)) return draw_curves(view, options);
    return bars_of(view, 1).empty() ? draw_outline(view, options) : draw_bars(view, options);
}

std::string report(const GlobalView& view, int64_t top) {
    const Bytes drawing = draw(view, {.format = Format::svg, .top = top});
    return report(
        {}, {.title = title_of(view),
             .figure = fmt::format("<figure><img alt=\"{}\" src=\"{}\"></figure>\n",
                                   escaped(title_of(view)), data_uri("image/svg+xml", drawing))});
}

}  // namespace whence::render
