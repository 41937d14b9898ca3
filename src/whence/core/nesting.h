#pragma once
// JSON from outside, before it is parsed.

#include <string_view>

namespace whence {

/// Whether objects and arrays lie more than 64 deep in each other: more than any file of ours, and
/// parsing or freeing it would cost stack and memory far beyond the bytes that ask for it.
[[nodiscard]] bool nested_too_deeply(std::string_view json);

}  // namespace whence
