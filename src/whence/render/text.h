#pragma once
// An explanation for a terminal.

#include <cstdint>
#include <string>

#include "whence/core/explanation.h"

namespace whence::render {

struct TextOptions {
    int64_t width = 80;  ///< columns of the terminal; at least 40 are used
    bool color = false;  ///< ANSI colours (24 bit for images)
    bool ascii = false;  ///< no character outside ASCII
    int64_t top = 10;    ///< features shown; the rest is summed in one line
};

/// Header, bars or a coarse picture, and how far to trust it. Ends with a newline. Names from files
/// pass through core's printable().
[[nodiscard]] std::string to_text(const Explanation& explanation, const TextOptions& options = {});

}  // namespace whence::render
