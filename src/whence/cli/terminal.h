#pragma once
// What is on the other side of stdout and stderr.

#include <cstdint>
#include <string>
#include <string_view>

namespace whence::cli {

enum class ColorMode { automatic, always, never };

/// Throws Error(usage) naming the choices.
[[nodiscard]] ColorMode parse_color(std::string_view text);

[[nodiscard]] bool is_terminal(int descriptor);
/// Columns of the terminal; 80 where there is none.
[[nodiscard]] int64_t terminal_width(int descriptor);
/// Whether text may leave ASCII: the locale is UTF-8.
[[nodiscard]] bool speaks_utf8();
/// NO_COLOR, a dumb terminal and a file mean no colours, unless they are asked for.
[[nodiscard]] bool wants_color(ColorMode mode, int descriptor);

/// Writes all of `text` to stdout. A reader that went away (| head) ends the program quietly;
/// anything else that fails is Error(io).
void print(std::string_view text);
/// One line on stderr, after a progress bar was cleared.
void complain(std::string_view line);

}  // namespace whence::cli
