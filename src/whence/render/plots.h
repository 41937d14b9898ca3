#pragma once
// Plots of attributions of columns, of one row or of many: the ones users of shap know, drawn once
// for PNG and SVG.
//
// Of one row: waterfall and force show how the features lead from f(baseline) to f(x); what the
// values do not explain stands as a bar of its own. Of many rows: bar (mean |value|, an importance),
// beeswarm and violin (how the values spread; the colour of a dot is the rank of what stands in the
// column), heat map (rows in the order of their prediction), scatter (what stands in a column
// against its value; coloured by another column), decision (from f(baseline) to f(x), a line for
// each row). They show what the model used, not what causes what.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/render/chart.h"

namespace whence::render {

enum class Plot { waterfall, force, bar, beeswarm, violin, heatmap, scatter, decision };

[[nodiscard]] std::string_view name(Plot plot);
/// Throws Error(usage) naming the choices.
[[nodiscard]] Plot parse_plot(std::string_view text);
/// Whether it shows one explanation, not many.
[[nodiscard]] bool of_one_row(Plot plot);

struct PlotOptions {
    Format format = Format::png;
    int64_t top = 10;    ///< features shown (at most 100); the others are one line, "and 20 more"
    double width = 720;  ///< in units of 1/96 inch
    double scale = 2;    ///< PNG: pixels per unit
    std::string feature;   ///< scatter: the column on the axis; empty: the most important
    std::string color_by;  ///< scatter: empty: the column that its value depends on most
};

/// Throws Error(usage) where there is nothing to draw: no explanation, several for a plot of one
/// row, explanations of pictures, a feature that none of them has.
[[nodiscard]] std::vector<std::byte> draw(Plot plot, const std::vector<Explanation>& explanations,
                                          const PlotOptions& options = {});

}  // namespace whence::render
