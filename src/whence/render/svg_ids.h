#pragma once
// What Cairo's SVG lacks: the same bytes every time, and words for those who cannot see it.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace whence::render {

/// Cairo numbers its ids by a counter of the process; here they are numbered from 0 in order of
/// appearance. `title` and `description` become the picture's accessible name.
[[nodiscard]] std::vector<std::byte> tidied_svg(std::span<const std::byte> svg,
                                                std::string_view title,
                                                std::string_view description);

}  // namespace whence::render
