#include "whence/render/matrix.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/render/block.h"
#include "whence/render/color_bar.h"
#include "whence/render/facts.h"
#include "whence/render/number.h"
#include "whence/render/ranking.h"

namespace whence::render {
namespace {

constexpr double margin = 24, gap = 14, largest_cell = 40;
constexpr int64_t most_features = 60;
constexpr TextStyle label{.size = 12};
constexpr TextStyle quiet{.size = 10.5, .color = faint_ink};

TextStyle aligned(TextStyle style, Align align) {
    style.align = align;
    return style;
}

// The features shown, those that take part most first, and the numbers of their pairs.
struct Pairs {
    std::vector<std::string> names;
    std::vector<double> values;  // [names, names]
    int64_t left_out = 0;
    [[nodiscard]] double at(size_t i, size_t j) const { return values[i * names.size() + j]; }
    [[nodiscard]] double limit() const {
        double out = 0;
        for (const double value : values)
            if (std::isfinite(value)) out = std::max(out, std::abs(value));
        return out;
    }
};

Pairs pairs_of(const Explanation& explanation, int64_t top) {
    const Tensor& matrix = explanation.interactions->values;
    const int64_t n = matrix.shape()[0];
    const std::vector<double> all = matrix.to_doubles();
    std::vector<double> part(n, 0.0);
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j)
            if (std::isfinite(all[i * n + j])) part[i] += std::abs(all[i * n + j]);
    std::vector<int64_t> order(n);
    std::iota(order.begin(), order.end(), int64_t{0});
    std::ranges::stable_sort(order, std::greater{}, [&](int64_t i) { return part[i]; });
    order.resize(std::min(n, top));
    std::vector<std::string> names(n);
    for (const Weight& weight : rank(explanation, n).top)
        if (weight.index < n) names[weight.index] = weight.name;
    Pairs out{.left_out = n - std::ssize(order)};
    for (const int64_t i : order) {
        out.names.push_back(names[i]);
        for (const int64_t j : order) out.values.push_back(all[i * n + j]);
    }
    return out;
}

void draw_cells(Canvas& canvas, const Pairs& pairs, double left, double top, double cell) {
    const double limit = pairs.limit();
    const size_t n = pairs.names.size();
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j) {
            const double value = pairs.at(i, j);
            canvas.box(left + cell * static_cast<double>(j), top + cell * static_cast<double>(i),
                       cell, cell, diverging(limit > 0 ? value / limit : value));
        }
    const double side = cell * static_cast<double>(n);
    for (size_t i = 0; i <= n; ++i) {
        const double at = cell * static_cast<double>(i);
        canvas.line(left, top + at, left + side, top + at, track);
        canvas.line(left + at, top, left + at, top + side, track);
    }
    canvas.frame(left, top, side, side, hairline);
}

}  // namespace

std::vector<std::byte> interaction_matrix(const Explanation& explanation,
                                          const ChartOptions& options) {
    if (!explanation.interactions)
        throw Error(ErrorKind::usage, "this explanation has no interactions to draw");
    const double width = std::clamp(options.width, 360.0, 4000.0) - 2 * margin;
    const Pairs pairs = pairs_of(explanation, std::clamp<int64_t>(options.top, 1, most_features));
    const Block above = heading(explanation, width);
    std::vector<std::string> texts{
        "Off the diagonal half of what two features do only together; in the diagonal what each "
        "does alone."};
    if (pairs.left_out > 0)
        texts.push_back(count(pairs.left_out) + " features that take part less are not shown.");
    for (const std::string& text : cautions(explanation)) texts.push_back(text);
    const Block below = remarks(texts, width);

    double names = 0;
    for (const std::string& name : pairs.names) names = std::max(names, text_width(name, label));
    const auto n = static_cast<double>(std::max<size_t>(1, pairs.names.size()));
    // Names have at most half of the width; cells share what is left.
    names = std::min(names, 0.5 * width) + 3 * gap;
    const double cell = std::min(largest_cell, (width - names) / n);
    const double left = margin + names, top = margin + above.height() + 2 * gap, side = cell * n;
    const double bar = top + side + 2 * gap, words = bar + color_bar_room + gap;

    Canvas canvas(width + 2 * margin, words + below.height() + margin, options.format,
                  std::clamp(options.scale, 0.25, 8.0));
    above.draw(canvas, margin, margin - 6);
    for (size_t i = 0; i < pairs.names.size(); ++i) {
        const double middle = (static_cast<double>(i) + 0.5) * cell;
        const std::string place = std::to_string(i + 1);
        canvas.text(left - gap / 2, top + middle + 4, place, aligned(quiet, Align::right));
        canvas.text(left - 2 * gap, top + middle + 4,
                    fitted(pairs.names[i], names - 3 * gap, label), aligned(label, Align::right));
        if (cell >= text_width(place, quiet) + 2)
            canvas.text(left + middle, top - 6, place, aligned(quiet, Align::center));
    }
    draw_cells(canvas, pairs, left, top, cell);
    draw_color_bar(canvas, margin, margin + width, bar, pairs.limit(),
                   scale_name(explanation));
    below.draw(canvas, margin, words);
    return canvas.finish(title_of(explanation), summary(explanation));
}

}  // namespace whence::render
