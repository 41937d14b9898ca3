#pragma once
// The colour bar below figures. Private to this folder.

#include <string>

#include "whence/render/canvas.h"

namespace whence::render {

/// Height of the bar with its numbers and words.
inline constexpr double color_bar_room = 56;

/// From -limit to +limit between `left` and `right`; `scale`: what is raised or lowered, empty: no
/// words. A limit of 0 says that there is nothing to colour.
void draw_color_bar(Canvas& canvas, double left, double right, double y, double limit,
                    const std::string& scale);

}  // namespace whence::render
