#pragma once
// Views of a whole table as files: the ending says the format.

#include <cstddef>
#include <string>
#include <vector>

#include "whence/core/global_view.h"

namespace whence::cli {

/// As check_outputs, of the formats that a view can be written in.
void check_global_outputs(const std::vector<std::string>& paths,
                          const std::vector<std::string>& inputs);

/// The bytes of a file of that name: .json, .csv, .png, .svg, .html, .txt. `top`: features drawn.
[[nodiscard]] std::vector<std::byte> encode_global(const std::string& path, const GlobalView& view,
                                                   int64_t top);

}  // namespace whence::cli
