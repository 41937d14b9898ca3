#pragma once
// UTF-8 and its code points, strictly: no surrogates, no overlong forms.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whence::data {

/// False, and nothing appended, for a number that is no Unicode character.
[[nodiscard]] inline bool append_utf8(std::string& out, uint32_t code) {
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    const auto trail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | code >> 6);
        trail(0);
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | code >> 12);
        trail(6), trail(0);
    } else {
        out += static_cast<char>(0xF0 | code >> 18);
        trail(12), trail(6), trail(0);
    }
    return true;
}

/// None if `text` is not UTF-8.
[[nodiscard]] inline std::optional<std::u32string> decode_utf8(std::string_view text) {
    std::u32string out;
    for (size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const size_t length = lead < 0x80   ? 1
                              : lead < 0xC2 ? 0
                              : lead < 0xE0 ? 2
                              : lead < 0xF0 ? 3
                              : lead < 0xF5 ? 4
                                            : 0;
        if (length == 0 || i + length > text.size()) return std::nullopt;
        uint32_t code = length == 1 ? lead : lead & (0x7FU >> length);
        for (size_t k = 1; k < length; ++k)
            code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3F);
        // Written back it must be the same bytes: that alone refuses every other form.
        std::string again;
        if (!append_utf8(again, code) || again != text.substr(i, length)) return std::nullopt;
        out += static_cast<char32_t>(code);
        i += length;
    }
    return out;
}

}  // namespace whence::data
