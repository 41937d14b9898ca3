#include <algorithm>
#include <cmath>

#include "whence/render/global.h"
#include "whence/render/global_parts.h"
#include "whence/render/number.h"
#include "whence/render/text_table.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

constexpr int64_t least_width = 40;

std::string bold(const std::string& text, const TextOptions& options) {
    return options.color ? "\x1b[1m" + text + "\x1b[0m" : text;
}
std::string dim(const std::string& text, const TextOptions& options) {
    return options.color ? "\x1b[2m" + text + "\x1b[0m" : text;
}

std::string wrapped_lines(const std::string& text, int64_t width, const std::string& indent) {
    std::string out;
    for (const std::string& line : wrapped(text, width))
        out += (out.empty() ? "" : indent) + line + "\n";
    return out;
}

std::string header(const GlobalView& view, const TextOptions& options) {
    const int64_t width = std::max(options.width, least_width);
    constexpr int64_t label_width = 12;
    std::string out = bold(shortened(title_of(view), width, "..."), options) + "\n";
    for (const Fact& fact : facts(view))
        out += "  " + dim(padded(fact.label, label_width), options) +
               wrapped_lines(fact.text, width - label_width - 2, std::string(label_width + 2, ' '));
    return out;
}

// A curve in one line: a sign for each point of its grid, low to high.
std::string spark(const Curve& curve, bool ascii) {
    static constexpr std::string_view blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                                  "\u2585", "\u2586", "\u2587", "\u2588"};
    static constexpr std::string_view signs[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
    const auto [low, high] = std::ranges::minmax_element(curve.values);
    std::string out;
    for (const double value : curve.values) {
        const double share = *high > *low ? (value - *low) / (*high - *low) : 0;
        const size_t level = std::isfinite(share) ? static_cast<size_t>(std::lround(share * 7)) : 0;
        out += ascii ? signs[level] : blocks[level];
    }
    return out;
}

// One feature: a line for each point, values as bars.
std::string points_text(const GlobalView& view, const Curve& curve, const TextOptions& options) {
    Ranking ranking;
    for (size_t i = 0; i < curve.grid.size(); ++i) {
        Weight weight{.index = static_cast<int64_t>(i),
                      .name = point_name(view, curve, i),
                      .value = curve.values[i]};
        if (curve.lines.empty() && std::isfinite(curve.standard_errors[i]) &&
            curve.standard_errors[i] > 0)
            weight.standard_error = curve.standard_errors[i];
        if (!std::isfinite(curve.values[i])) ++ranking.not_numbers;
        ranking.largest = std::max(ranking.largest, std::abs(curve.values[i]));
        ranking.top.push_back(weight);
    }
    if (ranking.top.empty()) return "  no row has a value in this column\n";
    return weights_text(ranking, options);
}

std::string curves_text(const GlobalView& view, const TextOptions& options) {
    const std::vector<const Curve*> curves = shown_curves(view, options.top);
    if (curves.empty()) return "";
    const std::string axis = std::string("  ").append(dim(curve_axis(view), options)).append("\n");
    if (curves.size() == 1)
        return "  " + clean(view.schema[curves[0]->feature].name) + "\n" + axis +
               points_text(view, *curves[0], options);
    std::string out = axis;
    int64_t names = 0;
    for (const Curve* curve : curves)
        names = std::max(names, columns(clean(view.schema[curve->feature].name)));
    names = std::min(names, std::max(options.width, least_width) / 3);
    for (const Curve* curve : curves) {
        out += "  " +
               padded(shortened(clean(view.schema[curve->feature].name), names, "..."), names) +
               "  ";
        if (curve->values.empty()) {
            out += "no values\n";
            continue;
        }
        const auto [low, high] = std::ranges::minmax_element(curve->values);
        out +=
            padded(number(*low) + " to " + number(*high), 20) + spark(*curve, options.ascii) + "\n";
    }
    const size_t all = std::get<Curves>(view.result).curves.size();
    if (all > curves.size())
        out +=
            "  and " + count(static_cast<int64_t>(all - curves.size())) + " more that move less\n";
    return out;
}

std::string body(const GlobalView& view, const TextOptions& options) {
    std::string out;
    for (const Bars& bars : bars_of(view, std::max<int64_t>(1, options.top))) {
        if (!out.empty()) out += "\n";
        for (const std::string& line :
             wrapped(bars.title, std::max(options.width, least_width) - 2))
            out.append("  ").append(dim(line, options)).append("\n");
        out += weights_text(bars.ranking, options);
    }
    for (const std::string& line : outline_of(view)) {
        const size_t indent = line.find_first_not_of(' ') + 2;
        const std::string text = line.substr(indent - 2);
        out += std::string(indent, ' ') +
               wrapped_lines(
                   text, std::max(options.width, least_width) - static_cast<int64_t>(indent) - 4,
                   std::string(indent + 4, ' '));
    }
    return out + curves_text(view, options);
}

}  // namespace

std::string to_text(const GlobalView& view, const TextOptions& options) {
    std::string out = header(view, options) + "\n" + body(view, options);
    const std::vector<std::string> notes = remarks_of(view);
    if (!notes.empty()) out += "\n";
    for (const std::string& note : notes)
        out += wrapped_lines(note, std::max(options.width, least_width) - 2, "  ");
    return options.ascii ? to_ascii(out) : out;
}

}  // namespace whence::render
