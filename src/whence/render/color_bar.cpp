#include "whence/render/color_bar.h"

#include "whence/render/heat.h"
#include "whence/render/number.h"

namespace whence::render {

void draw_color_bar(Canvas& canvas, double left, double right, double y, double limit,
                    const std::string& scale) {
    constexpr double bar_height = 12;
    constexpr TextStyle style{.size = 10.5, .color = faint_ink};
    if (limit == 0) {
        canvas.text(left, y + 11, "every value is zero: there is nothing to colour", style);
        return;
    }
    canvas.picture(left, y, right - left, bar_height, color_strip());
    canvas.frame(left, y, right - left, bar_height, hairline);
    const std::string end = number(limit);
    TextStyle aligned = style;
    canvas.text(left, y + bar_height + 15, typeset("-") + end, aligned);
    aligned.align = Align::center;
    canvas.text((left + right) / 2, y + bar_height + 15, "0", aligned);
    aligned.align = Align::right;
    canvas.text(right, y + bar_height + 15, "+" + end, aligned);
    if (scale.empty()) return;
    aligned.color = positive;
    canvas.text(right, y + bar_height + 30, "raises the " + scale, aligned);
    canvas.text(left, y + bar_height + 30, "lowers the " + scale,
                {.size = 10.5, .color = negative});
}

}  // namespace whence::render
