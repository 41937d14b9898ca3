#include "whence/render/bars.h"

#include <algorithm>
#include <cmath>

namespace whence::render {
namespace {

constexpr TextStyle small{.size = 10.5, .color = faint_ink};

void draw_whisker(Canvas& canvas, const BarScale& scale, const Weight& weight, double y) {
    const double from = scale.x(weight.value - *weight.standard_error);
    const double to = scale.x(weight.value + *weight.standard_error);
    constexpr double cap = 3;
    canvas.line(from, y, to, y, ink);
    canvas.line(from, y - cap, from, y + cap, ink);
    canvas.line(to, y - cap, to, y + cap, ink);
}

}  // namespace

double BarScale::x(double value) const {
    if (high <= low) return left;
    return left + (right - left) * (std::clamp(value, low, high) - low) / (high - low);
}

BarScale BarScale::over(const Ranking& ranking, double left, double right) {
    BarScale out{left, right, 0, 0};
    for (const Weight& weight : ranking.top) {
        if (!std::isfinite(weight.value)) continue;
        const double spread = weight.standard_error.value_or(0);
        out.low = std::min(out.low, weight.value - spread);
        out.high = std::max(out.high, weight.value + spread);
    }
    // Both sides present: zero keeps away from the edges, so that short bars have room.
    if (out.low < 0 && out.high > 0) {
        const double least = 0.06 * (out.high - out.low);
        out.low = std::min(out.low, -least);
        out.high = std::max(out.high, least);
    }
    return out;
}

void draw_bar(Canvas& canvas, const BarScale& scale, const Weight& weight, double y,
              double height) {
    const double zero = scale.x(0);
    if (!std::isfinite(weight.value)) {
        canvas.text(zero + 6, y + 4, "not a number", small);
        return;
    }
    const double end = scale.x(weight.value);
    canvas.box(std::min(zero, end), y - height / 2, std::abs(end - zero), height,
               weight.value < 0 ? negative : positive);
    if (weight.standard_error && *weight.standard_error > 0) draw_whisker(canvas, scale, weight, y);
}

void draw_zero(Canvas& canvas, const BarScale& scale, double top, double bottom,
               std::string_view scale_name) {
    const double zero = scale.x(0);
    canvas.line(zero, top, zero, bottom, hairline);
    TextStyle style = small;
    const std::string what = " the " + std::string(scale_name);
    const auto word = [&](const char* verb, double room) {
        const std::string whole = verb + what;
        return text_width(whole, small) <= room ? whole : std::string(verb);
    };
    if (scale.high > 0) {
        style.color = positive;
        canvas.text(zero + 4, top - 6, word("raises", scale.right - zero - 4), style);
    }
    if (scale.low < 0) {
        style.color = negative;
        style.align = Align::right;
        canvas.text(zero - 4, top - 6, word("lowers", zero - 4 - scale.left), style);
    }
}

}  // namespace whence::render
