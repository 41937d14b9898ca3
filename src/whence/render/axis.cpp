#include "whence/render/axis.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr TextStyle small{.size = 10.5, .color = faint_ink};
constexpr double margin = 0.04;

TextStyle aligned(Align align) {
    TextStyle style = small;
    style.align = align;
    return style;
}

}  // namespace

Axis Axis::over(std::span<const double> values, double from, double to) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const double value : values) {
        if (!std::isfinite(value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (low > high) return {0, 1, from, to};
    // Halves first: the range of extreme values may be more than a double holds.
    const double half = high / 2 - low / 2;
    const double room = half > 0 ? 2 * margin * half : std::max(std::abs(low) / 2, 0.5);
    const double most = std::numeric_limits<double>::max() / 4;
    return {std::max(low - room, -most), std::min(high + room, most), from, to};
}

double Axis::at(double value) const {
    const double share = (std::clamp(value, low, high) - low) / (high - low);
    return from + (to - from) * share;
}

std::vector<double> Axis::ticks(int wanted) const {
    const double rough = (high - low) / wanted;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    if (!std::isfinite(power) || power <= 0) return {};
    double step = 10 * power;
    for (const double times : {1.0, 2.0, 5.0})
        if (times * power >= rough) {
            step = times * power;
            break;
        }
    std::vector<double> out;
    const double first = std::ceil(low / step);
    for (int i = 0; (first + i) * step <= high && i <= 4 * wanted; ++i)
        out.push_back((first + i) * step);
    return out;
}

void draw_axis_below(Canvas& canvas, const Axis& axis, double top, double y,
                     const std::string& title) {
    for (const double tick : axis.ticks()) {
        const double x = axis.at(tick);
        canvas.line(x, top, x, y, tick == 0 ? hairline : track);
        canvas.text(x, y + 15, typeset(number(tick)), aligned(Align::center));
    }
    canvas.line(axis.from, y, axis.to, y, hairline);
    canvas.text((axis.from + axis.to) / 2, y + 31, title, aligned(Align::center));
}

void draw_axis_left(Canvas& canvas, const Axis& axis, double x, double right) {
    for (const double tick : axis.ticks()) {
        const double y = axis.at(tick);
        canvas.line(x, y, right, y, tick == 0 ? hairline : track);
        canvas.text(x - 6, y + 4, typeset(number(tick)), aligned(Align::right));
    }
    canvas.line(x, axis.from, x, axis.to, hairline);
}

}  // namespace whence::render
