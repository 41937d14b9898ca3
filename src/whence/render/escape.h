#pragma once
// Strings from files on their way into HTML and SVG.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace whence::render {

/// `text` cleaned and with & < > " ' escaped: safe in HTML and XML, in text and quoted attributes.
[[nodiscard]] std::string escaped(std::string_view text, size_t limit = 2000);

/// "data:image/png;base64,...".
[[nodiscard]] std::string data_uri(std::string_view media_type, std::span<const std::byte> bytes);

}  // namespace whence::render
