#pragma once
// Model files: read through a validating reader, written, compared by their bytes.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "whence/graph/graph.h"

namespace whence::graph {

/// Reads a model. Every file is hostile until it is read: sizes are checked before they are
/// allocated, names before they are used, external data must lie inside `folder` (links resolved).
/// Throws Error(model) with one line saying what is wrong and where.
[[nodiscard]] Graph parse_model(std::span<const std::byte> bytes, const std::filesystem::path& folder);
[[nodiscard]] Graph read_model(const std::filesystem::path& path);

/// The model as ONNX bytes, constants inside. Throws Error(limit) above 2 GiB.
[[nodiscard]] std::string serialize(const Graph& graph);

/// The same without the constants of more than `most` bytes: external data, which whoever runs the model has to
/// supply by name.
struct Apart {
    std::string bytes;
    std::map<std::string, Constant> constants;
};
[[nodiscard]] Apart serialize_apart(const Graph& graph, size_t most);

/// Adds an entry to the model's metadata, which any ONNX tool shows.
void set_metadata(Graph& graph, const std::string& key, const std::string& value);

}  // namespace whence::graph
