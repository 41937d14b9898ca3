#pragma once
// A coarse picture of a map for a terminal. Private to this folder.

#include <string>

#include "whence/render/map.h"
#include "whence/render/text.h"

namespace whence::render {

/// Lines of half blocks in colour, or of + and - signs; and a legend. Each line ends with a
/// newline.
[[nodiscard]] std::string map_as_text(const Map& map, const TextOptions& options);

/// "upper left", "centre", ...: where the pixels of a superpixel lie, and what share they have.
[[nodiscard]] std::string place_of_segment(const Map& map, int32_t label);

}  // namespace whence::render
