#include "whence/render/panels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/render/axis.h"
#include "whence/render/block.h"
#include "whence/render/color_bar.h"
#include "whence/render/number.h"
#include "whence/render/palette.h"

namespace whence::render {
namespace {

constexpr double margin = 24, gap = 28, cell = 62, name_room = 74, title_room = 40;
constexpr double plot_width = 236, plot_height = 190, plot_left = 52;
constexpr TextStyle heading_style{.size = 16, .bold = true};
constexpr TextStyle title_style{.size = 12.5, .bold = true};
constexpr TextStyle label{.size = 11.5};
constexpr TextStyle quiet{.size = 10.5, .color = faint_ink};

TextStyle aligned(TextStyle style, Align align) {
    style.align = align;
    return style;
}

// A page with panels of one size in rows and columns.
class Page {
  public:
    Page(size_t panels, double panel_width, double panel_height, double below,
         const PanelOptions& options)
        : columns_(static_cast<size_t>(std::clamp<int64_t>(options.columns, 1, 12))),
          width_(panel_width),
          height_(panel_height),
          options_(options),
          top_(margin + (options.title.empty() ? 0 : 24)),
          rows_((panels + columns_ - 1) / columns_),
          notes_(remarks(options.notes, inner_width(panels))),
          below_(below),
          canvas_(inner_width(panels) + 2 * margin, bottom() + below + notes_.height() + margin,
                  options.format, std::clamp(options.scale, 0.25, 8.0)) {
        if (!options.title.empty()) canvas_.text(margin, margin + 12, options.title, heading_style);
        notes_.draw(canvas_, margin, bottom() + below);
    }

    [[nodiscard]] Canvas& canvas() { return canvas_; }
    [[nodiscard]] double x(size_t panel) const {
        return margin + static_cast<double>(panel % columns_) * (width_ + gap);
    }
    [[nodiscard]] double y(size_t panel) const {
        return top_ + static_cast<double>(panel / columns_) * (height_ + gap);
    }
    /// Where the panels end.
    [[nodiscard]] double bottom() const {
        return top_ + static_cast<double>(rows_) * (height_ + gap);
    }
    [[nodiscard]] double right(size_t panels) const { return margin + inner_width(panels); }
    [[nodiscard]] std::vector<std::byte> finish(const std::string& what) {
        return canvas_.finish(options_.title.empty() ? what : options_.title, what);
    }

  private:
    [[nodiscard]] double inner_width(size_t panels) const {
        const auto shown = static_cast<double>(std::min(columns_, panels));
        return shown * (width_ + gap) - gap;
    }

    size_t columns_;
    double width_, height_;
    const PanelOptions& options_;
    double top_;
    size_t rows_;
    Block notes_;
    double below_;
    Canvas canvas_;
};

void require_panels(bool some) {
    if (!some) throw Error(ErrorKind::usage, "there is no panel to draw");
}

void draw_matrix(Canvas& canvas, const MatrixPanel& panel, double x, double y) {
    const size_t n = panel.names.size();
    canvas.text(x, y + 12, panel.title, title_style);
    const double left = x + name_room, top = y + title_room;
    for (size_t i = 0; i < n; ++i) {
        const double middle = (static_cast<double>(i) + 0.5) * cell;
        canvas.text(left - 8, top + middle + 4, fitted(panel.names[i], name_room - 8, label),
                    aligned(label, Align::right));
        canvas.text(left + middle, top - 7, fitted(panel.names[i], cell, label),
                    aligned(label, Align::center));
        for (size_t j = 0; j < n; ++j) {
            const double value = panel.values[i * n + j];
            const double at = left + static_cast<double>(j) * cell;
            canvas.box(at, top + middle - cell / 2, cell, cell, diverging(value));
            const std::string text =
                std::isfinite(value) ? typeset(fmt::format("{:.2f}", value)) : "none";
            TextStyle style = aligned({.size = 13}, Align::center);
            if (std::abs(value) > 0.7) style.color = paper;
            canvas.text(at + cell / 2, top + middle + 5, text, style);
        }
    }
    canvas.frame(left, top, cell * static_cast<double>(n), cell * static_cast<double>(n), hairline);
}

Rgb series_color(size_t i, size_t count) {
    return count == 1
               ? negative
               : sequential(0.25 + 0.75 * static_cast<double>(i) / static_cast<double>(count - 1));
}

bool shown(const PointSeries& points, size_t i) {
    return std::isfinite(points.x[i]) && std::isfinite(points.y[i]);
}

void draw_points(Canvas& canvas, const PointPanel& panel, double x, double y) {
    canvas.text(x, y + 12, panel.title, title_style);
    canvas.text(x, y + 28, panel.note, quiet);
    std::vector<double> xs, ys;
    for (const PointSeries& one : panel.series)
        for (size_t i = 0; i < one.x.size(); ++i)
            if (shown(one, i)) {
                xs.push_back(one.x[i]);
                ys.push_back(one.y[i]);
            }
    const double left = x + plot_left, right = x + plot_width, top = y + title_room,
                 bottom = top + plot_height;
    const Axis across = Axis::over(xs, left, right), up = Axis::over(ys, bottom, top);
    draw_axis_below(canvas, across, top, bottom, panel.x_title);
    draw_axis_left(canvas, up, left, right);
    canvas.text(left + 4, top + 10, panel.y_title, quiet);
    for (size_t s = 0; s < panel.series.size(); ++s) {
        const PointSeries& one = panel.series[s];
        for (size_t i = 0; i < one.x.size(); ++i)
            if (shown(one, i))
                canvas.dot(across.at(one.x[i]), up.at(one.y[i]), 1.8,
                           series_color(s, panel.series.size()));
    }
}

}  // namespace

std::vector<std::byte> matrix_panels(const std::vector<MatrixPanel>& panels,
                                     const PanelOptions& options) {
    require_panels(!panels.empty());
    size_t largest = 0;
    for (const MatrixPanel& panel : panels) {
        const size_t n = panel.names.size();
        if (n == 0 || panel.values.size() != n * n)
            throw Error(ErrorKind::usage,
                        fmt::format("a matrix of {} numbers for {} names", panel.values.size(), n));
        largest = std::max(largest, n);
    }
    const double side = cell * static_cast<double>(largest);
    Page page(panels.size(), name_room + side, title_room + side, color_bar_room + 12, options);
    for (size_t i = 0; i < panels.size(); ++i)
        draw_matrix(page.canvas(), panels[i], page.x(i), page.y(i));
    draw_color_bar(page.canvas(), margin, page.right(panels.size()), page.bottom(), 1, "");
    return page.finish("matrices of correlations");
}

std::vector<std::byte> point_panels(const std::vector<PointPanel>& panels,
                                    const PanelOptions& options) {
    require_panels(!panels.empty());
    for (const PointPanel& panel : panels)
        for (const PointSeries& one : panel.series)
            if (one.x.size() != one.y.size())
                throw Error(ErrorKind::usage, "points whose x and y differ in number");
    Page page(panels.size(), plot_width, title_room + plot_height + axis_room, 24, options);
    for (size_t i = 0; i < panels.size(); ++i)
        draw_points(page.canvas(), panels[i], page.x(i), page.y(i));
    double x = margin;
    const std::vector<PointSeries>& series = panels[0].series;
    for (size_t s = 0; s < series.size(); ++s) {
        if (series[s].name.empty()) continue;
        page.canvas().dot(x + 4, page.bottom() + 2, 4, series_color(s, series.size()));
        page.canvas().text(x + 13, page.bottom() + 6, series[s].name, label);
        x += 26 + text_width(series[s].name, label);
    }
    return page.finish("points");
}

}  // namespace whence::render
