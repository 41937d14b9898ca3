#pragma once
// A line of numbers with ticks. Private to this folder.

#include <span>
#include <string>
#include <vector>

#include "whence/render/canvas.h"

namespace whence::render {

/// Values between `low` and `high` at places between `from` and `to` (which may lie below `from`).
struct Axis {
    double low = 0, high = 1;
    double from = 0, to = 1;

    /// Room for every finite value and a margin of 4 %; around a single value its own size.
    static Axis over(std::span<const double> values, double from, double to);
    /// Clamped to the ends.
    [[nodiscard]] double at(double value) const;
    /// About `wanted` round numbers (1, 2 or 5 times a power of ten apart) within the ends.
    [[nodiscard]] std::vector<double> ticks(int wanted = 5) const;
};

inline constexpr double axis_room = 40;  ///< height of what draw_axis_below draws

/// Numbers below `y`, faint lines up to `top`, and `title` under them.
void draw_axis_below(Canvas& canvas, const Axis& axis, double top, double y,
                     const std::string& title);
/// Numbers left of `x`, faint lines to `right`.
void draw_axis_left(Canvas& canvas, const Axis& axis, double x, double right);

}  // namespace whence::render
