#pragma once
#include <string_view>

namespace whence {
/// Version of the library, e.g. "0.1.0"; recorded in every explanation.
[[nodiscard]] std::string_view version();
}  // namespace whence
