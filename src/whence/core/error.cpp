#include "whence/core/error.h"

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

}  // namespace

int exit_code(ErrorKind kind) { return row(kind).exit_code; }

std::string_view name(ErrorKind kind) { return row(kind).name; }

std::string printable(std::string_view text, size_t limit) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (out.size() >= limit) return out + "...";
        const auto byte = static_cast<unsigned char>(text[i]);
        // Multi-byte UTF-8 passes whole; anything else outside printable ASCII becomes '?'.
        const size_t extra = byte >= 0xF0 && byte < 0xF8 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC2 ? 1 : 0;
        bool valid = byte >= 0x80 && byte < 0xF8 && extra > 0 && i + extra < text.size();
        for (size_t k = 1; valid && k <= extra; ++k)
            valid = (static_cast<unsigned char>(text[i + k]) & 0xC0) == 0x80;
        // U+0080 to U+009F are control characters too: terminals act on them.
        if (valid && byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) valid = false;
        if (valid) {
            out.append(text.substr(i, extra + 1));
            i += extra;
        } else {
            out += byte >= 0x20 && byte < 0x7F ? text[i] : '?';
        }
    }
    return out;
}

}  // namespace whence
