#pragma once
// Whole files, read with a size limit and written so that no reader ever sees half of one.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whence {

/// The file's bytes. Throws Error(io) naming the file and why; Error(limit) above `limit` bytes.
[[nodiscard]] std::vector<std::byte> read_file(const std::filesystem::path& path,
                                               uint64_t limit = uint64_t{4} << 30);
[[nodiscard]] std::string read_text(const std::filesystem::path& path,
                                    uint64_t limit = uint64_t{1} << 30);

/// Writes beside the target and renames: either the whole new file is there or the old one is
/// untouched, also on a full disk. Permissions and symbolic links stay. Throws Error(io).
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace whence
