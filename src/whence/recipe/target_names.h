#pragma once
// Targets as people name them.

#include "whence/recipe/subject.h"

namespace whence::recipe {

/// Target::parse with the subject's class names; a name that does not exist gets the nearest ones.
[[nodiscard]] Target parse_target(const Subject& subject, const std::string& text);
/// Name of the class, "A - B" for a difference; empty where nobody knows it.
[[nodiscard]] std::string target_label(const Subject& subject, const ResolvedTarget& target);

}  // namespace whence::recipe
