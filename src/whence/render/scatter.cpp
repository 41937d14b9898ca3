// Dependence: what stands in a column against what it does.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "whence/core/error.h"
#include "whence/render/facts.h"
#include "whence/render/plot_parts.h"

namespace whence::render {
namespace {

size_t find_feature(const ExplainedRows& rows, const std::string& name) {
    const auto found = std::ranges::find(rows.names, name);
    if (found == rows.names.end())
        throw Error(ErrorKind::usage, "no feature '" + clean(name) + "' in these explanations");
    return static_cast<size_t>(found - rows.names.begin());
}

// Places of texts that are no numbers, in alphabetical order.
std::vector<double> places_of(const ExplainedRows& rows, size_t feature,
                              std::vector<std::string>& categories) {
    std::vector<double> out(rows.rows());
    std::map<std::string, double> place;
    for (size_t row = 0; row < rows.rows(); ++row)
        if (!std::isfinite(rows.value(row, feature)))
            place[rows.displays[row * rows.features() + feature]] = 0;
    for (auto& [text, at] : place) {
        at = static_cast<double>(categories.size());
        categories.push_back(text);
    }
    for (size_t row = 0; row < rows.rows(); ++row) {
        const double value = rows.value(row, feature);
        out[row] = std::isfinite(value)
                       ? value
                       : place[rows.displays[row * rows.features() + feature]];
    }
    return out;
}

double correlation(std::span<const double> a, std::span<const double> b) {
    const auto n = static_cast<double>(a.size());
    const double ma = std::accumulate(a.begin(), a.end(), 0.0) / n;
    const double mb = std::accumulate(b.begin(), b.end(), 0.0) / n;
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

// The column that the value depends on most besides its own: rows of nearly equal x in groups, and
// in each the correlation of the value with the other column (as shap.approximate_interactions).
size_t partner_of(const ExplainedRows& rows, size_t feature, const std::vector<double>& xs) {
    std::vector<size_t> order(rows.rows());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t row) { return xs[row]; });
    const size_t group = std::clamp<size_t>(rows.rows() / 10, 1, 50);
    size_t best = feature;
    double most = 0;
    for (size_t other = 0; other < rows.features(); ++other) {
        if (other == feature) continue;
        const std::vector<double> ranks = value_ranks(rows, other);
        double sum = 0;
        for (size_t first = 0; first < order.size(); first += group) {
            std::vector<double> a, b;
            for (size_t i = first; i < std::min(first + group, order.size()); ++i) {
                if (!std::isfinite(ranks[order[i]])) continue;
                a.push_back(rows.weight(order[i], feature));
                b.push_back(ranks[order[i]]);
            }
            if (a.size() > 2) sum += std::abs(correlation(a, b));
        }
        if (sum > most) {
            most = sum;
            best = other;
        }
    }
    return best;
}

}  // namespace

Bytes scatter(const std::vector<Explanation>& all, const PlotOptions& options) {
    const ExplainedRows rows = explained_rows(all);
    const size_t feature = options.feature.empty() ? 0 : find_feature(rows, options.feature);
    std::vector<std::string> categories;
    const std::vector<double> xs = places_of(rows, feature, categories);
    const size_t partner = options.color_by.empty() ? partner_of(rows, feature, xs)
                                                    : find_feature(rows, options.color_by);
    const double width = plot_width(options), height = 0.55 * width;
    std::vector<std::string> texts = rows_remarks(all);
    if (options.color_by.empty() && partner != feature)
        texts.insert(texts.begin(),
                     "The colour is the column that the value depends on most besides its own: " +
                         rows.names[partner] + ".");
    Page page(rows_heading(rows.names[feature], rows, all, width), texts, height + axis_room,
              options);
    Canvas& canvas = page.canvas();
    std::vector<double> ys;
    for (size_t row = 0; row < rows.rows(); ++row) ys.push_back(rows.weight(row, feature));
    constexpr double numbers = 56, legend = 80;
    const double top = page.top(), bottom = top + height;
    const Axis x = Axis::over(xs, page.left() + numbers, page.right() - legend);
    std::vector<double> range = ys;
    range.push_back(0);
    const Axis y = Axis::over(range, bottom, top);
    draw_axis_left(canvas, y, x.from, x.to);
    if (categories.empty()) {
        draw_axis_below(canvas, x, bottom, bottom, rows.names[feature]);
    } else {
        const double room = (x.to - x.from) / static_cast<double>(categories.size());
        for (size_t i = 0; i < categories.size(); ++i)
            canvas.text(x.at(static_cast<double>(i)), bottom + 15,
                        fitted(categories[i], room, plot_quiet), aligned(plot_quiet, Align::center));
        canvas.text((x.from + x.to) / 2, bottom + 31, rows.names[feature],
                    aligned(plot_quiet, Align::center));
    }
    canvas.text(page.left(), top - 4, "value, " + rows.scale, plot_quiet);
    const std::vector<double> ranks = value_ranks(rows, partner);
    for (size_t row = 0; row < rows.rows(); ++row)
        canvas.dot(x.at(xs[row]), y.at(ys[row]), rows.rows() > 500 ? 1.8 : 2.8,
                   rank_color(ranks[row]));
    draw_rank_legend(canvas, page.right() - legend + 12, top + 10, bottom - 10,
                     rows.names[partner]);
    return page.finish("Dependence: " + rows.names[feature], "What stands in the column against what it does.");
}

}  // namespace whence::render
