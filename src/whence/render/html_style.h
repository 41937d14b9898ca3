#pragma once
#include <string_view>

namespace whence::render {

/// Style of everything inside an element of class "whence": pages and fragments.
extern const std::string_view part_style;
/// Style of a whole page: paper, dark mode, print.
extern const std::string_view page_style;

}  // namespace whence::render
