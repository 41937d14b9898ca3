#pragma once
// Weights as lines of text with bars. Private to this folder.

#include "whence/render/ranking.h"
#include "whence/render/text.h"

namespace whence::render {

/// A line for each weight: name, display, number with its standard error, bar.
[[nodiscard]] std::string weights_text(const Ranking& ranking, const TextOptions& options);

}  // namespace whence::render
