// Importance bars, beeswarm, violin and heat map: many rows at once.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/render/facts.h"
#include "whence/render/picture.h"
#include "whence/render/plot_parts.h"

namespace whence::render {
namespace {

constexpr double row_height = 30;

std::vector<double> with_zero(std::vector<double> values) {
    values.push_back(0);
    return values;
}

// The frame that these plots share: names at the left, below an axis over zero and the numbers
// `along`.
struct Frame {
    Frame(const char* title, const std::vector<Explanation>& all, const PlotOptions& options,
          double right_room, std::vector<double> ExplainedRows::* along, std::string axis_title)
        : rows(explained_rows(all)),
          shown(shown_features(rows, options)),
          names(rows.names.begin(), rows.names.begin() + static_cast<int64_t>(shown)),
          width(plot_width(options)),
          height(row_height * static_cast<double>(shown)),
          page(rows_heading(title, rows, all, width), remarks_of(all), height + axis_room, options),
          labels(names_width(names, 0.4 * width)),
          axis(Axis::over(with_zero(rows.*along), page.left() + labels + plot_gap, page.right() - right_room)),
          top(page.top()) {
        draw_axis_below(page.canvas(), axis, top, top + height, axis_title);
        draw_names(page.canvas(), names, page.left() + labels, labels, top, row_height);
    }
    [[nodiscard]] std::vector<std::string> remarks_of(const std::vector<Explanation>& all) const {
        std::vector<std::string> out = rows_remarks(all);
        if (shown < rows.features())
            out.insert(out.begin(), count(static_cast<int64_t>(rows.features() - shown)) +
                                        " features of less importance are not shown.");
        return out;
    }
    [[nodiscard]] double middle(size_t feature) const {
        return top + (static_cast<double>(feature) + 0.5) * row_height;
    }
    [[nodiscard]] Bytes finish(const char* what) {
        return page.finish(std::string(what) + ": " + rows.target,
                           "The most important feature is " + rows.names[0] + ".");
    }

    ExplainedRows rows;
    size_t shown;
    std::vector<std::string> names;
    double width, height;
    Page page;
    double labels;
    Axis axis;
    double top;
};

// Where each dot of a swarm stands above or below the middle: those that would touch are stacked
// alternately to both sides.
std::vector<double> stacked(const std::vector<double>& xs, double radius, double most) {
    std::vector<size_t> order(xs.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t i) { return xs[i]; });
    std::vector<double> out(xs.size());
    std::vector<double> levels(xs.size());
    size_t highest = 0;
    size_t level = 0;
    double begin = -1e300;
    for (const size_t i : order) {
        level = xs[i] - begin < 2 * radius ? level + 1 : 0;
        if (level == 0) begin = xs[i];
        levels[i] = static_cast<double>((level + 1) / 2) * (level % 2 ? -1 : 1);
        highest = std::max(highest, (level + 1) / 2);
    }
    const double step = highest == 0 ? 0 : std::min(2 * radius, most / static_cast<double>(highest));
    for (size_t i = 0; i < xs.size(); ++i) out[i] = levels[i] * step;
    return out;
}

std::vector<double> weights_of(const ExplainedRows& rows, size_t feature) {
    std::vector<double> out(rows.rows());
    for (size_t row = 0; row < rows.rows(); ++row) out[row] = rows.weight(row, feature);
    return out;
}

}  // namespace

Bytes importance_bars(const std::vector<Explanation>& all, const PlotOptions& options) {
    Frame frame("Importance", all, options, 60, &ExplainedRows::importance,
                "mean |value|, " + scale_name(all[0]));
    Canvas& canvas = frame.page.canvas();
    const double zero = frame.axis.at(0);
    for (size_t i = 0; i < frame.shown; ++i) {
        const double end = frame.axis.at(frame.rows.importance[i]);
        canvas.box(zero, frame.middle(i) - 8, end - zero, 16, negative);
        canvas.text(end + 6, frame.middle(i) + 4, number(frame.rows.importance[i]), plot_label);
    }
    return frame.finish("Importance");
}

Bytes beeswarm(const std::vector<Explanation>& all, const PlotOptions& options) {
    Frame frame("What each feature does, row by row", all, options, 76,
                &ExplainedRows::weights, "value, " + scale_name(all[0]));
    Canvas& canvas = frame.page.canvas();
    const double radius = frame.rows.rows() > 1000 ? 1.3 : frame.rows.rows() > 300 ? 1.8 : 2.4;
    for (size_t i = 0; i < frame.shown; ++i) {
        std::vector<double> xs = weights_of(frame.rows, i);
        for (double& x : xs) x = frame.axis.at(x);
        const std::vector<double> above = stacked(xs, radius, row_height / 2 - 2 * radius);
        const std::vector<double> ranks = value_ranks(frame.rows, i);
        for (size_t row = 0; row < xs.size(); ++row)
            canvas.dot(xs[row], frame.middle(i) + above[row], radius, rank_color(ranks[row]));
    }
    draw_rank_legend(canvas, frame.page.right() - 66, frame.top + 4, frame.top + frame.height - 4,
                     "what stands in the column");
    return frame.finish("Beeswarm");
}

Bytes violin(const std::vector<Explanation>& all, const PlotOptions& options) {
    Frame frame("How the values of each feature spread", all, options, 0,
                &ExplainedRows::weights, "value, " + scale_name(all[0]));
    Canvas& canvas = frame.page.canvas();
    constexpr int cells = 120;
    const double span = frame.axis.to - frame.axis.from;
    for (size_t i = 0; i < frame.shown; ++i) {
        std::vector<double> sorted = weights_of(frame.rows, i);
        std::ranges::sort(sorted);
        // A Gaussian of 1.5 % of the axis over each value; the widest place fills the row.
        std::vector<double> density(cells + 1, 0);
        for (const double value : sorted)
            for (int c = 0; c <= cells; ++c) {
                const double x = frame.axis.from + span * c / cells;
                const double d = (x - frame.axis.at(value)) / (0.015 * span);
                if (std::abs(d) < 5) density[c] += std::exp(-d * d / 2);
            }
        const double peak = std::max(1e-300, *std::ranges::max_element(density));
        std::vector<Point> outline;
        for (const int side : {-1, 1})
            for (int step = 0; step <= cells; ++step) {
                const int c = side < 0 ? step : cells - step;
                outline.push_back({frame.axis.from + span * c / cells,
                                   frame.middle(i) + side * density[c] / peak * 0.45 * row_height});
            }
        canvas.polygon(outline, mix(negative, paper, 0.55));
        const auto quantile = [&](double q) {
            return frame.axis.at(
                sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))]);
        };
        canvas.line(quantile(0.25), frame.middle(i), quantile(0.75), frame.middle(i), ink, 3);
        canvas.dot(quantile(0.5), frame.middle(i), 3, paper);
        canvas.dot(quantile(0.5), frame.middle(i), 2, ink);
    }
    return frame.finish("Violin");
}

Bytes rows_heatmap(const std::vector<Explanation>& all, const PlotOptions& options) {
    const ExplainedRows rows = explained_rows(all);
    const size_t shown = shown_features(rows, options);
    const double width = plot_width(options), height = 24 * static_cast<double>(shown);
    std::vector<size_t> order(rows.rows());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t row) { return rows.predictions[row]; });
    double limit = 0;
    for (size_t row = 0; row < rows.rows(); ++row)
        for (size_t i = 0; i < shown; ++i) limit = std::max(limit, std::abs(rows.weight(row, i)));
    Picture picture(static_cast<int64_t>(shown), static_cast<int64_t>(rows.rows()));
    for (size_t i = 0; i < shown; ++i)
        for (size_t column = 0; column < order.size(); ++column)
            picture.set(static_cast<int64_t>(i), static_cast<int64_t>(column),
                        diverging(limit > 0 ? rows.weight(order[column], i) / limit : 0));

    constexpr double curve = 56;
    std::vector<std::string> texts = rows_remarks(all);
    texts.insert(texts.begin(), "A column is a row of the table; they stand in the order of f(x).");
    Page page(rows_heading("Values of every row", rows, all, width), texts,
              curve + height + 2 * plot_gap + 46, options);
    Canvas& canvas = page.canvas();
    const std::vector<std::string> names(rows.names.begin(),
                                         rows.names.begin() + static_cast<int64_t>(shown));
    const double labels = names_width(names, 0.4 * width);
    const double left = page.left() + labels + plot_gap, right = page.right();
    const Axis fx = Axis::over(rows.predictions, page.top() + curve - 6, page.top() + 4);
    canvas.text(left - plot_gap, page.top() + curve / 2 + 4, "f(x)",
                aligned(plot_label, Align::right));
    std::vector<Point> line;
    for (size_t column = 0; column < order.size(); ++column)
        if (std::isfinite(rows.predictions[order[column]]))
            line.push_back({left + (static_cast<double>(column) + 0.5) * (right - left) /
                                       static_cast<double>(order.size()),
                            fx.at(rows.predictions[order[column]])});
    canvas.polyline(line, ink, 1.2);
    const double top = page.top() + curve;
    canvas.picture(left, top, right - left, height, picture);
    canvas.frame(left, top, right - left, height, hairline);
    draw_names(canvas, names, page.left() + labels, labels, top, 24);
    constexpr int steps = 100;
    const double bar = top + height + plot_gap;
    for (int i = 0; i < steps; ++i)
        canvas.box(left + (right - left) * i / steps, bar, (right - left) / steps + 0.5, 10,
                   diverging(2 * (i + 0.5) / steps - 1));
    canvas.text(left, bar + 24, typeset(fmt::format("-{}", number(limit))), plot_quiet);
    canvas.text((left + right) / 2, bar + 24, "0", aligned(plot_quiet, Align::center));
    canvas.text(right, bar + 24, fmt::format("+{}", number(limit)), aligned(plot_quiet, Align::right));
    return page.finish("Heat map: " + rows.target, "Values of every row in colours.");
}

}  // namespace whence::render
