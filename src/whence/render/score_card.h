#pragma once
// Score cards: text, pictures, a page.

#include <string>
#include <vector>

#include "whence/core/score_card.h"
#include "whence/render/plots.h"
#include "whence/render/text.h"

namespace whence::render {

/// For a terminal: metrics by methods, means with their 95 % intervals, the distinguishably best
/// marked; attribution errors and costs; the verdict.
[[nodiscard]] std::string to_text(const ScoreCard& card, const TextOptions& options = {});

/// A panel for each metric: a dot and its interval for each method. The verdict's findings stand
/// below.
[[nodiscard]] std::vector<std::byte> draw(const ScoreCard& card, const PlotOptions& options = {});

/// One self-contained HTML file: table, picture, errors and costs, verdict, what each metric is.
[[nodiscard]] std::string report(const ScoreCard& card);
/// The table and the verdict as a fragment with its own scoped style, for notebooks.
[[nodiscard]] std::string html_fragment(const ScoreCard& card);

}  // namespace whence::render
