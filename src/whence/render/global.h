#pragma once
// Views of a whole table: text, pictures, a page.

#include "whence/core/global_view.h"
#include "whence/render/plots.h"
#include "whence/render/text.h"

namespace whence::render {

/// For a terminal: what was looked at, the numbers with bars, curves point by point (one feature)
/// or as small drawings (several), trees and rules as outlines, and what a careful reader must
/// know.
[[nodiscard]] std::string to_text(const GlobalView& view, const TextOptions& options = {});

/// Importance, interactions and linear surrogates as bars (whiskers: one standard error); curves as
/// lines, lines of single rows faint behind them, the deciles of the column as marks on the axis;
/// trees and rules as outlines. At most `options.top` features, those whose curves move most.
[[nodiscard]] std::vector<std::byte> draw(const GlobalView& view, const PlotOptions& options = {});

/// One self-contained HTML file with the picture.
[[nodiscard]] std::string report(const GlobalView& view, int64_t top = 10);

}  // namespace whence::render
