#include "whence/render/unicode.h"

#include <algorithm>
#include <array>

namespace whence::render {
namespace {

size_t length_of(unsigned char lead) {
    return lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
}

struct Range {
    char32_t first, last;
};
constexpr std::array no_column = {Range{0x300, 0x36F}, Range{0x200B, 0x200D},
                                  Range{0xFE00, 0xFE0F}};
constexpr std::array two_columns = {
    Range{0x1100, 0x115F}, Range{0x2E80, 0xA4CF}, Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},
    Range{0xFE30, 0xFE6F}, Range{0xFF00, 0xFF60}, Range{0x1F300, 0x1FAFF}, Range{0x20000, 0x3FFFD}};

template <size_t count>
bool within(char32_t code, const std::array<Range, count>& ranges) {
    return std::ranges::any_of(
        ranges, [code](Range range) { return code >= range.first && code <= range.last; });
}

int64_t columns_of(std::string_view character) {
    const char32_t code = code_point(character);
    return within(code, no_column) ? 0 : within(code, two_columns) ? 2 : 1;
}

struct Like {
    std::string_view sign, ascii;
};
constexpr std::array likes = {Like{"\u2026", "..."}, Like{"\u2212", "-"}, Like{"\u00b1", "+-"},
                              Like{"\u00b7", "-"},   Like{"\u00d7", "x"}, Like{"\u2265", ">="},
                              Like{"\u2264", "<="},  Like{"\u00b2", "^2"}};

std::string_view ascii_like(std::string_view character) {
    const auto found = std::ranges::find(likes, character, &Like::sign);
    return found != likes.end() ? found->ascii : "?";
}

}  // namespace

std::vector<std::string_view> characters(std::string_view text) {
    std::vector<std::string_view> out;
    for (size_t i = 0; i < text.size();) {
        out.push_back(text.substr(i, length_of(static_cast<unsigned char>(text[i]))));
        i += out.back().size();
    }
    return out;
}

char32_t code_point(std::string_view character) {
    if (character.empty()) return 0xFFFD;
    const auto lead = static_cast<unsigned char>(character[0]);
    const size_t length = length_of(lead);
    if (character.size() != length || (lead >= 0x80 && lead < 0xC2) || lead > 0xF4) return 0xFFFD;
    if (length == 1) return lead;
    char32_t code = lead & (0xFFU >> (length + 1));
    for (const char byte : character.substr(1)) {
        if ((static_cast<unsigned char>(byte) & 0xC0U) != 0x80U) return 0xFFFD;
        code = code << 6U | (static_cast<unsigned char>(byte) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> smallest = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < smallest[length] || surrogate || code > 0x10FFFF ? 0xFFFD : code;
}

int64_t columns(std::string_view text) {
    int64_t out = 0;
    for (const std::string_view character : characters(text)) out += columns_of(character);
    return out;
}

std::string shortened(std::string_view text, int64_t width, std::string_view ellipsis) {
    if (columns(text) <= width) return std::string(text);
    const int64_t room = std::max<int64_t>(0, width - columns(ellipsis));
    const std::vector<std::string_view> all = characters(text);
    size_t left = 0, right = all.size();
    int64_t head = 0, tail = 0;
    while (left < right && head + columns_of(all[left]) <= (room + 1) / 2)
        head += columns_of(all[left++]);
    while (right > left && head + tail + columns_of(all[right - 1]) <= room)
        tail += columns_of(all[--right]);
    std::string out;
    for (size_t i = 0; i < left; ++i) out += all[i];
    out += ellipsis;
    for (size_t i = right; i < all.size(); ++i) out += all[i];
    return out;
}

std::string padded(std::string text, int64_t width) {
    const int64_t missing = width - columns(text);
    return missing > 0 ? text + std::string(static_cast<size_t>(missing), ' ') : text;
}

std::string padded_left(std::string text, int64_t width) {
    const int64_t missing = width - columns(text);
    return missing > 0 ? std::string(static_cast<size_t>(missing), ' ') + text : text;
}

std::vector<std::string> wrapped(std::string_view text, int64_t width) {
    std::vector<std::string> lines(1);
    while (!text.empty()) {
        const size_t space = std::min(text.find(' '), text.size());
        const std::string word = shortened(text.substr(0, space), width, "...");
        text.remove_prefix(std::min(space + 1, text.size()));
        std::string& line = lines.back();
        if (line.empty())
            line = word;
        else if (columns(line) + 1 + columns(word) <= width)
            line += " " + word;
        else
            lines.push_back(word);
    }
    return lines;
}

std::string to_ascii(std::string_view text) {
    std::string out;
    for (const std::string_view character : characters(text))
        out += character.size() == 1 ? character : ascii_like(character);
    return out;
}

}  // namespace whence::render
