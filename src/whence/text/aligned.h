#pragma once
// Text that was rewritten, and where each part of it came from. Private to this folder.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "whence/text/tokenizer.h"

namespace whence::text {

/// A character with the bytes of the original that it stands for.
struct Char {
    char32_t code;
    Span origin;
};
using Chars = std::vector<Char>;

/// UTF-8 with the origin of each byte: what pieces and tokens are cut from.
struct Aligned {
    std::string text;
    std::vector<Span> origin;  ///< as many as bytes

    [[nodiscard]] Aligned part(size_t begin, size_t end) const {
        return {text.substr(begin, end - begin), {origin.begin() + begin, origin.begin() + end}};
    }
    /// The bytes of the original that [begin, end) of this text stand for; empty ranges lie where
    /// they begin.
    [[nodiscard]] Span origin_of(size_t begin, size_t end) const;
};

/// `text` must be valid UTF-8; its first byte is byte `at` of the original.
[[nodiscard]] Chars to_chars(std::string_view text, int64_t at);
[[nodiscard]] Chars to_chars(const Aligned& text);
[[nodiscard]] Aligned to_aligned(const Chars& chars);

/// The character that begins at `at` of valid UTF-8; moves `at` behind it.
[[nodiscard]] char32_t next_code_point(std::string_view text, size_t& at);

}  // namespace whence::text
