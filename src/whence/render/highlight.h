#pragma once
// The explained text with its words coloured. Private to this folder, but for text_figure.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "whence/render/chart.h"
#include "whence/render/text.h"

namespace whence::render {

/// A stretch of the text, cleaned; blanks and newlines stand as they are.
struct Stretch {
    std::string text;
    std::optional<double> value;  ///< none: between words
};
/// The text of the explanation up to about `most` bytes (a word is not cut), then how many bytes
/// more there are. Empty where no text was explained.
struct Highlighted {
    std::vector<Stretch> stretches;
    size_t left_out = 0;
    double limit = 0;  ///< largest finite |value|: full colour
};
[[nodiscard]] Highlighted highlighted(const Explanation& explanation, size_t most);

/// For a terminal: ground colours; without colours the strong words stand as +word+ and -word-.
/// Lines end with a newline.
[[nodiscard]] std::string highlighted_text(const Explanation& explanation,
                                           const TextOptions& options);
/// A paragraph with the words on coloured grounds, and the colour bar.
[[nodiscard]] std::string highlighted_html(const Explanation& explanation);

/// The text as a PNG or SVG: words on coloured grounds, facts above, colour bar and remarks below.
/// Throws Error(input) for an explanation of no text.
[[nodiscard]] std::vector<std::byte> text_figure(const Explanation& explanation,
                                                 const ChartOptions& options = {});

}  // namespace whence::render
