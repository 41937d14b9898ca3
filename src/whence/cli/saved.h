#pragma once
// Explanations that were saved before.

#include <string>
#include <vector>

#include "whence/core/explanation.h"

namespace whence::cli {

/// One explanation or several, as whence explain -o FILE.json writes them. Errors name the file.
[[nodiscard]] std::vector<Explanation> read_explanations(const std::string& path);

}  // namespace whence::cli
