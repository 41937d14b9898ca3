#pragma once
// One reader for each format: what is checked here are sizes and meanings, the rest in
// Ensemble::build.

#include <cstdint>
#include <limits>
#include <string_view>

#include "whence/trees/document.h"
#include "whence/trees/ensemble.h"

namespace whence::trees {

constexpr int64_t most_index = std::numeric_limits<int32_t>::max();
/// More outputs than any model has: their base scores are no reason to allocate gigabytes.
constexpr int64_t most_outputs = 1 << 20;

// All throw Error(model) naming the place in the file, or tree and node.
[[nodiscard]] EnsembleParts read_xgboost(const View& file);
[[nodiscard]] EnsembleParts read_catboost(const View& file);
[[nodiscard]] EnsembleParts read_lightgbm(std::string_view text);

}  // namespace whence::trees
