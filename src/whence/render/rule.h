#pragma once
// Rules (anchors) in words and as a figure.

#include <cstddef>
#include <string>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/render/heatmap.h"

namespace whence::render {

/// "IF worst radius > 16.8", "AND mean texture <= 19.2", "THEN malignant"; for a rule without
/// conditions "ALWAYS malignant" alone. Superpixels are named with their place. Needs
/// explanation.rule.
[[nodiscard]] std::vector<std::string> rule_lines(const Explanation& explanation);
/// Whether its precision is 1 for certain (tree-anchors), and not measured.
[[nodiscard]] bool is_proven(const Rule& rule);
/// "precision 0.97 [0.95, 0.98], coverage 0.21", "precision 1, proven, coverage not known"
[[nodiscard]] std::string rule_numbers(const Rule& rule);
/// All of it on one line.
[[nodiscard]] std::string rule_sentence(const Explanation& explanation);

/// The rule under its facts; with `image` (what the model saw) and superpixels the picture and the
/// rule's superpixels beside it, the others greyed.
[[nodiscard]] std::vector<std::byte> rule_figure(const Explanation& explanation,
                                                 const Tensor* image,
                                                 const FigureOptions& options = {});

}  // namespace whence::render
