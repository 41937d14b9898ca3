#include "whence/core/error.h"

#include <algorithm>
#include <array>

namespace whence {
namespace {

struct Kind {
    ErrorKind kind;
    std::string_view name;
    int exit_code;
};

constexpr std::array kinds = {
    Kind{ErrorKind::usage, "usage", 2},         Kind{ErrorKind::input, "input", 3},
    Kind{ErrorKind::model, "model", 4},         Kind{ErrorKind::unsupported, "unsupported", 5},
    Kind{ErrorKind::limit, "limit", 6},         Kind{ErrorKind::io, "io", 7},
    Kind{ErrorKind::interrupted, "interrupted", 130}, Kind{ErrorKind::internal, "internal", 70},
};

const Kind& row(ErrorKind kind) {
    for (const Kind& entry : kinds)
        if (entry.kind == kind) return entry;
    return kinds.back();
}

constexpr char32_t invalid = 0xFFFD;

struct Character {
    char32_t code;
    size_t bytes;
};

// The first character of a text that is not empty. Bytes that are no UTF-8 (RFC 3629: overlong forms,
// surrogates and what lies above U+10FFFF are none) are `invalid`, one by one.
Character decode(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || bytes > text.size()) return {invalid, 1};
    char32_t code = lead & (0x7FU >> bytes);
    for (size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {invalid, 1};
        code = code << 6U | (byte(i) & 0x3FU);
    }
    constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < smallest[bytes] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {invalid, 1};
    return {code, bytes};
}

struct Range {
    char32_t first, last;
};

// Control characters, what reorders or hides the text around it (a file's name could then lie),
// line separators, and what is no character.
constexpr Range hidden[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},
                            {0x200B, 0x200B}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
                            {0xFDD0, 0xFDEF}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xFFFD, 0xFFFD},
                            {0xE0000, 0xE0FFF}};

bool may_be_shown(char32_t code) {
    if ((code & 0xFFFE) == 0xFFFE) return false;
    return std::ranges::none_of(hidden, [code](Range range) { return code >= range.first && code <= range.last; });
}

}  // namespace

int exit_code(ErrorKind kind) { return row(kind).exit_code; }

std::string_view name(ErrorKind kind) { return row(kind).name; }

std::string printable(std::string_view text, size_t limit) {
    std::string out;
    while (!text.empty()) {
        if (out.size() >= limit) return out + "...";
        const Character first = decode(text);
        if (may_be_shown(first.code))
            out += text.substr(0, first.bytes);
        else
            out += '?';
        text.remove_prefix(first.bytes);
    }
    return out;
}

}  // namespace whence
