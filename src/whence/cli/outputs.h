#pragma once
// Explanations as files: the ending says the format.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "whence/render/html.h"

namespace whence::cli {

/// Throws Error(usage) for an ending that is no format (naming those there are) or a name given
/// twice, Error(io) for a folder that is not there or cannot be written to: before any work begins.
void check_outputs(const std::vector<std::string>& paths, const std::vector<std::string>& inputs);

/// The places alone, for commands with formats of their own: what check_outputs says of names given
/// twice, of folders, and of files that are read.
void check_places(const std::vector<std::string>& paths, const std::vector<std::string>& inputs);

[[nodiscard]] std::vector<std::byte> bytes_of(std::string_view text);

/// The bytes of the file of that name.
[[nodiscard]] std::vector<std::byte> encode(const std::filesystem::path& path,
                                            const render::ReportItem& item);

/// All files, each made in memory first and written whole.
void write_outputs(const std::vector<std::string>& paths, const render::ReportItem& item);

}  // namespace whence::cli
