#pragma once
// Several explanations of images side by side: methods, layers or baselines of one image, or images
// by classes. Signed, symmetric colours, one scale for all unless asked otherwise.

#include <optional>
#include <string>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/render/heatmap.h"

namespace whence::render {

struct GridCell {
    std::string title;                       ///< above the picture: "Grad-CAM", "cat 0.93"
    std::optional<Explanation> explanation;  ///< none: the cell stays empty and says why
    std::string note;                        ///< below it: "error 3 %", "no gradient rule for Foo"
};

struct GridRow {
    std::string title;  ///< above the image
    Tensor image;       ///< what the model saw, [1, H, W, C] or [1, C, H, W] in [0, 1]
    std::vector<GridCell> cells;
};

/// How far the colours of each cell reach.
enum class ColorScale {
    shared,  ///< the largest limit of all: equal colours are equal values, one colour bar
    own,     ///< each its own, written under the cell: for methods whose values have other units
};

struct GridOptions {
    Format format = Format::png;
    double scale = 2;        ///< PNG: pixels per unit (1/96 inch)
    double percentile = 99;  ///< of |value| of each map: where its colours end (see color_limit)
    Blend blend = Blend::magnitude;
    ColorScale colors = ColorScale::shared;
    std::string title;
    std::vector<std::string> notes;  ///< lines below
};

/// A row for each image: the image at the left, then its explanations as overlays, and the colour
/// bar. Rows may differ in length. Throws Error(usage) for a grid without rows or a cell that does
/// not explain an image, Error(input) where `image` is none.
[[nodiscard]] std::vector<std::byte> grid_figure(const std::vector<GridRow>& rows,
                                                 const GridOptions& options = {});

/// The same as an HTML table with its own scoped style, for pages and notebooks; `format` and
/// `scale` do not matter.
[[nodiscard]] std::string grid_html(const std::vector<GridRow>& rows,
                                    const GridOptions& options = {});

}  // namespace whence::render
