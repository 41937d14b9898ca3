#pragma once
// What text and picture of a view of a whole table share. Private to this folder.

#include "whence/core/global_view.h"
#include "whence/render/facts.h"
#include "whence/render/ranking.h"

namespace whence::render {

/// "ALE: malignant", "Importance".
[[nodiscard]] std::string title_of(const GlobalView& view);
/// Target, rows, what the numbers are, cost.
[[nodiscard]] std::vector<Fact> facts(const GlobalView& view);
/// The notes, and what must be said of this result.
[[nodiscard]] std::vector<std::string> remarks_of(const GlobalView& view);

/// Numbers that are shown as bars.
struct Bars {
    std::string title;  ///< what the numbers are
    Ranking ranking;
};
/// Of importance, interactions and linear surrogates; else empty.
[[nodiscard]] std::vector<Bars> bars_of(const GlobalView& view, int64_t top);

/// Of trees and rules, one line for each leaf or rule, indented by two spaces a level; else empty.
[[nodiscard]] std::vector<std::string> outline_of(const GlobalView& view);

/// The curves that move most, at most `top`, in the order of the table; empty where there are none.
[[nodiscard]] std::vector<const Curve*> shown_curves(const GlobalView& view, int64_t top);
/// A point of a curve's grid as a person reads it.
[[nodiscard]] std::string point_name(const GlobalView& view, const Curve& curve, size_t point);
/// What the curves' values are: "mean prediction, probability".
[[nodiscard]] std::string curve_axis(const GlobalView& view);

}  // namespace whence::render
