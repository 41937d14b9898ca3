#include "whence/text/aligned.h"

#include <unicode/utf8.h>

#include "whence/data/utf.h"

namespace whence::text {

Span Aligned::origin_of(size_t begin, size_t end) const {
    if (begin < end) return {origin[begin].begin, origin[end - 1].end};
    const int64_t at = begin < origin.size() ? origin[begin].begin
                       : origin.empty()      ? 0
                                             : origin.back().end;
    return {at, at};
}

char32_t next_code_point(std::string_view text, size_t& at) {
    UChar32 code = 0;
    U8_NEXT_UNSAFE(text.data(), at, code);
    return static_cast<char32_t>(code);
}

Chars to_chars(std::string_view text, int64_t at) {
    Chars out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
        const auto begin = static_cast<int64_t>(i);
        const char32_t code = next_code_point(text, i);
        out.push_back({code, {at + begin, at + static_cast<int64_t>(i)}});
    }
    return out;
}

Chars to_chars(const Aligned& text) {
    Chars out;
    out.reserve(text.text.size());
    for (size_t i = 0; i < text.text.size();) {
        const Span origin = text.origin[i];
        out.push_back({next_code_point(text.text, i), origin});
    }
    return out;
}

Aligned to_aligned(const Chars& chars) {
    Aligned out;
    out.text.reserve(chars.size());
    out.origin.reserve(chars.size());
    for (const Char& c : chars) {
        static_cast<void>(data::append_utf8(out.text, c.code));
        out.origin.resize(out.text.size(), c.origin);
    }
    return out;
}

}  // namespace whence::text
