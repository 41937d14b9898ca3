#pragma once
// The parts of a page, each as HTML. Every string that comes from outside is escaped here. Private
// to this folder.

#include <string>
#include <vector>

#include "whence/render/html.h"
#include "whence/render/ranking.h"

namespace whence::render {

/// <tag>text</tag> with the text escaped.
[[nodiscard]] std::string element(const char* tag, std::string_view text);

[[nodiscard]] std::string facts_html(const Explanation& explanation);
/// Table of weights: feature, value, weight, bar.
[[nodiscard]] std::string weights_html(const Explanation& explanation, const Ranking& ranking);
[[nodiscard]] std::string scores_html(const std::vector<ClassScore>& scores);
/// Photograph, heat map, overlay and colour bar; only the heat map without an image.
[[nodiscard]] std::string panels_html(const ReportItem& item);
/// Photograph, and the superpixels that a rule names. Needs an image and superpixels.
[[nodiscard]] std::string spotlight_html(const ReportItem& item);
/// The colour bar with its numbers and words.
[[nodiscard]] std::string colors_html(double limit, const std::string& scale);
[[nodiscard]] std::string trust_html(const Explanation& explanation);
[[nodiscard]] std::string made_html(const ReportItem& item);

}  // namespace whence::render
