#pragma once
// Bars to the left and right of zero. Private to this folder.

#include "whence/render/canvas.h"
#include "whence/render/ranking.h"

namespace whence::render {

/// Values on a line from `left` to `right`; zero is always on it.
struct BarScale {
    double left = 0, right = 0;
    double low = 0, high = 0;
    [[nodiscard]] double x(double value) const;
    /// Room for every weight and its whisker.
    static BarScale over(const Ranking& ranking, double left, double right);
};

/// The bar of one weight, centred on `y`, with its whisker; a cross in words for what is no number.
void draw_bar(Canvas& canvas, const BarScale& scale, const Weight& weight, double y, double height);
/// The line at zero and which side means what, written above `top`.
void draw_zero(Canvas& canvas, const BarScale& scale, double top, double bottom,
               std::string_view scale_name);

}  // namespace whence::render
