#include "whence/render/escape.h"

#include <cstdint>

#include "whence/render/facts.h"

namespace whence::render {
namespace {

std::string base64(std::span<const std::byte> bytes) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t at = 0; at < bytes.size(); at += 3) {
        uint32_t three = 0;
        for (size_t i = 0; i < 3; ++i)
            three = three << 8U |
                    (at + i < bytes.size() ? std::to_integer<uint32_t>(bytes[at + i]) : 0);
        for (size_t i = 0; i < 4; ++i)
            out += at + i > bytes.size() ? '=' : digits[three >> (18 - 6 * i) & 63U];
    }
    return out;
}

}  // namespace

std::string escaped(std::string_view text, size_t limit) {
    std::string out;
    for (const char letter : clean(text, limit)) {
        switch (letter) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += letter;
        }
    }
    return out;
}

std::string data_uri(std::string_view media_type, std::span<const std::byte> bytes) {
    return "data:" + std::string(media_type) + ";base64," + base64(bytes);
}

}  // namespace whence::render
