#pragma once
// An explanation as JSON, and back. Format: docs/explanation-json.md.

#include <string>
#include <string_view>
#include <vector>

#include "whence/core/explanation.h"

namespace whence {

/// UTF-8 text with a stable order of keys. NaN and infinity are written as null.
[[nodiscard]] std::string to_json(const Explanation& explanation);

/// Throws Error(input) naming what is missing or wrong; unknown keys are ignored.
[[nodiscard]] Explanation explanation_from_json(std::string_view text);

/// Several explanations: an array of the same.
[[nodiscard]] std::string to_json(const std::vector<Explanation>& explanations);
/// One explanation or an array of them. Throws as explanation_from_json.
[[nodiscard]] std::vector<Explanation> explanations_from_json(std::string_view text);

}  // namespace whence
