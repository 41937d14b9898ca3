#pragma once
// What somebody who misspelled a name may have meant.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whence::recipe {

/// Up to three of `names` that are near `text`, best first: equal but for case, or a few letters
/// away, or containing it. Empty if nothing is near.
[[nodiscard]] std::vector<std::string> closest(std::string_view text,
                                               std::span<const std::string> names);

/// "; did you mean 'lime'?", safe to print, or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view text, std::span<const std::string> names);

}  // namespace whence::recipe
