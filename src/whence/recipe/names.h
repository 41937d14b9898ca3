#pragma once
// Lists of names in the text of an option.

#include <string>
#include <string_view>
#include <vector>

namespace whence::recipe {

/// "a, b" -> {"a", "b"}: parted by commas, without spaces around them; empty names are left out.
[[nodiscard]] std::vector<std::string> parse_names(std::string_view text);

}  // namespace whence::recipe
