#pragma once
// Files packed by gzip (RFC 1952), of one member.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace whence::data {

/// Whether the bytes begin as a gzip file does.
[[nodiscard]] bool is_gzip(std::span<const std::byte> bytes);

/// What was packed, its checksum verified. Throws Error(input), one line that begins with `name`,
/// for a damaged file, Error(limit) beyond 2 GiB.
[[nodiscard]] std::vector<std::byte> decode_gzip(std::span<const std::byte> bytes,
                                                 std::string_view name = "the data");

}  // namespace whence::data
