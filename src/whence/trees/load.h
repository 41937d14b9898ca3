#pragma once
// Tree ensembles from files: XGBoost's JSON and UBJSON, LightGBM's text, CatBoost's JSON, told
// apart by what is in them. docs/trees.md says what is read and what is refused.

#include <filesystem>
#include <span>
#include <string_view>

#include "whence/trees/ensemble.h"

namespace whence::trees {

/// Whether a file that begins so is an ensemble's or of a kind that parse_ensemble refuses with the
/// line that converts it (XGBoost's old binary format, CatBoost's .cbm, pickles). The first 512
/// bytes are enough. Any JSON object counts.
[[nodiscard]] bool looks_like_ensemble(std::span<const std::byte> start);

/// The same of a file; false where it cannot be read, or is none (a pipe).
[[nodiscard]] bool is_ensemble_file(const std::filesystem::path& path);

/// Throws Error(model) with one line that names the place in the file, or tree and node, and for
/// what is recognised but not read, what converts it.
[[nodiscard]] Ensemble parse_ensemble(std::span<const std::byte> bytes);

/// The same of a file, whose name then begins the line. Throws Error(io), Error(limit) above 4 GiB.
[[nodiscard]] Ensemble load_ensemble(const std::filesystem::path& path);

}  // namespace whence::trees
