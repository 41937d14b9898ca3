// The decision plot: from f(baseline) to f(x), a line for each row.
#include <algorithm>
#include <cmath>

#include "whence/render/facts.h"
#include "whence/render/plot_parts.h"

namespace whence::render {
namespace {

constexpr double row_height = 28;

// Stations of a row from the bottom (f(baseline)) over the features, the least important first, to
// the top. Features that are not shown are one step together.
std::vector<double> walk(const ExplainedRows& rows, size_t row, size_t shown) {
    double sum = 0, hidden = 0;
    for (size_t i = 0; i < rows.features(); ++i) {
        sum += rows.weight(row, i);
        if (i >= shown) hidden += rows.weight(row, i);
    }
    const double start = std::isfinite(rows.baselines[row]) ? rows.baselines[row]
                                                            : rows.predictions[row] - sum;
    std::vector<double> out{start + hidden};
    for (size_t i = shown; i-- > 0;) out.push_back(out.back() + rows.weight(row, i));
    return out;
}

}  // namespace

Bytes decision(const std::vector<Explanation>& all, const PlotOptions& options) {
    const ExplainedRows rows = explained_rows(all);
    const size_t shown = shown_features(rows, options);
    std::vector<std::vector<double>> walks;
    std::vector<double> everything;
    for (size_t row = 0; row < rows.rows(); ++row) {
        walks.push_back(walk(rows, row, shown));
        everything.insert(everything.end(), walks.back().begin(), walks.back().end());
    }
    const double width = plot_width(options);
    const double height = row_height * static_cast<double>(shown);
    std::vector<std::string> texts = rows_remarks(all);
    if (shown < rows.features())
        texts.insert(texts.begin(), "Lines begin with the sum of the " +
                                        count(static_cast<int64_t>(rows.features() - shown)) +
                                        " features that are not shown.");
    Page page(rows_heading("From the baseline to the prediction", rows, all, width), texts,
              height + axis_room + 20, options);
    Canvas& canvas = page.canvas();
    const std::vector<std::string> names(rows.names.begin(),
                                         rows.names.begin() + static_cast<int64_t>(shown));
    const double labels = names_width(names, 0.4 * width);
    const Axis axis =
        Axis::over(everything, page.left() + labels + plot_gap, page.right());
    const double top = page.top() + 20, bottom = top + height;
    draw_axis_below(canvas, axis, top, bottom, rows.scale);
    draw_names(canvas, names, page.left() + labels, labels, top, row_height);
    for (size_t row = 0; row < walks.size(); ++row) {
        std::vector<Point> line;
        for (size_t i = 0; i < walks[row].size(); ++i)
            line.push_back({axis.at(walks[row][i]), bottom - static_cast<double>(i) * row_height});
        const double share = (walks[row].back() - axis.low) / (axis.high - axis.low);
        canvas.polyline(line, rank_color(share), walks.size() > 100 ? 0.6 : 1.4);
    }
    canvas.text((axis.from + axis.to) / 2, top - 6, "f(x)", aligned(plot_quiet, Align::center));
    return page.finish("Decision plot: " + rows.target, "A line for each row.");
}

}  // namespace whence::render
