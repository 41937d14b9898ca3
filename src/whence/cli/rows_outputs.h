#pragma once
// Explanations of many rows as files: the ending says the format.

#include <string>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/render/plots.h"

namespace whence::cli {

/// .json: all explanations, as whence replay, report and plot read them. .csv: a line for each row,
/// a column for each feature. .npz: values [rows, features], prediction, base_value, names. .png,
/// .svg, .html: the plot. Each is made in memory first and written whole.
void write_rows(const std::vector<std::string>& paths, const std::vector<Explanation>& explanations,
                render::Plot plot, const render::PlotOptions& options);

/// The plot alone: .png, .svg, or .html with the drawing and a table.
[[nodiscard]] std::vector<std::byte> encode_plot(const std::string& path,
                                                 const std::vector<Explanation>& explanations,
                                                 render::Plot plot, render::PlotOptions options);

}  // namespace whence::cli
