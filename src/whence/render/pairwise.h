#pragma once
// Which word goes with which patch, on a page: point at a word to see its patches, at a patch to see
// its words.

#include <string>

#include "whence/core/pairwise.h"
#include "whence/render/text.h"

namespace whence::render {

/// A figure for ReportOptions::figure, with its own style: the picture, the words below it in the
/// colours of their sums. While a word is pointed at or has the focus the picture carries its map;
/// while a patch is, the words have its colours. Nothing runs: style rules show and hide what is there, so
/// the page's policy against scripts holds. All colours end at one value. `image` is what the model
/// saw, [1, H, W, C] or [1, C, H, W] in [0, 1]. Throws Error(input) if it is no image.
[[nodiscard]] std::string pairwise_html(const PairwiseExplanation& pairs, const Tensor& image);

/// For a terminal: the strongest pairs, the words in colours, how far to trust it.
[[nodiscard]] std::string pairwise_text(const PairwiseExplanation& pairs, const TextOptions& options = {});

}  // namespace whence::render
