#pragma once
// As much of Unicode as laying out names needs. Private to this folder; `text` is clean() already.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whence::render {

/// The characters of `text`, each as its bytes.
[[nodiscard]] std::vector<std::string_view> characters(std::string_view text);
/// Code point of one character; invalid bytes give U+FFFD.
[[nodiscard]] char32_t code_point(std::string_view character);

/// Columns in a terminal: two for East Asian wide characters and emoji, none for combining marks.
[[nodiscard]] int64_t columns(std::string_view text);
/// At most `width` columns: the middle is replaced by `ellipsis`, for names often differ at their
/// end.
[[nodiscard]] std::string shortened(std::string_view text, int64_t width,
                                    std::string_view ellipsis);
/// Spaces added at the right (left) until `width` columns.
[[nodiscard]] std::string padded(std::string text, int64_t width);
[[nodiscard]] std::string padded_left(std::string text, int64_t width);
/// Lines of at most `width` columns, broken at spaces.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, int64_t width);
/// Everything outside ASCII replaced: known signs by their like, others by '?'.
[[nodiscard]] std::string to_ascii(std::string_view text);

}  // namespace whence::render
