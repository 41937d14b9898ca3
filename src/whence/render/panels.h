#pragma once
// Small pictures of numbers side by side: matrices of correlations, clouds of points.

#include <string>
#include <vector>

#include "whence/render/chart.h"

namespace whence::render {

struct PanelOptions {
    Format format = Format::png;
    int64_t columns = 3;  ///< panels beside each other
    double scale = 2;     ///< PNG: pixels per unit (1/96 inch)
    std::string title;
    std::vector<std::string> notes;  ///< lines below
};

/// A square matrix of numbers in [-1, 1]; what is not finite is grey.
struct MatrixPanel {
    std::string title;
    std::vector<std::string> names;  ///< of rows and columns
    std::vector<double> values;      ///< [names][names]
};

/// Every cell in the symmetric colours of its value, with the value in it; the colour bar ends
/// at 1. Throws Error(usage) where there is no panel, or one whose numbers and names do not fit.
[[nodiscard]] std::vector<std::byte> matrix_panels(const std::vector<MatrixPanel>& panels,
                                                   const PanelOptions& options = {});

/// Points of one kind, all in one colour.
struct PointSeries {
    std::string name;
    std::vector<double> x, y;
};
struct PointPanel {
    std::string title, x_title, y_title;
    std::vector<PointSeries> series;  ///< colours run from light to dark in their order
    std::string note;                 ///< one line below the title
};

/// Each panel with its own axes; a legend of the first panel's series below. Points that are not
/// finite are left out. Throws Error(usage) where there is no panel, or x and y differ in length.
[[nodiscard]] std::vector<std::byte> point_panels(const std::vector<PointPanel>& panels,
                                                  const PanelOptions& options = {});

}  // namespace whence::render
