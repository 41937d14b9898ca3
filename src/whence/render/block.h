#pragma once
// Lines of text with a known height: what stands above and below every picture.

#include <string>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/render/canvas.h"

namespace whence::render {

struct TextLine {
    std::string text;
    TextStyle style;
    double height = 16;
};

struct Block {
    std::vector<TextLine> lines;
    [[nodiscard]] double height() const;
    void draw(Canvas& canvas, double x, double y) const;
};

/// Method and target as a title, then the facts, as many on a line as fit.
[[nodiscard]] Block heading(const Explanation& explanation, double width);
/// Each text wrapped, small and grey.
[[nodiscard]] Block remarks(const std::vector<std::string>& texts, double width);
/// What a reader must not miss: warnings and the method's notes. A picture has no room for praise.
[[nodiscard]] std::vector<std::string> cautions(const Explanation& explanation);
/// The title on one line, for an SVG's accessible name.
[[nodiscard]] std::string title_of(const Explanation& explanation);

}  // namespace whence::render
