#pragma once
// The attributions of an image as one number per pixel.

#include <cstdint>
#include <string>
#include <vector>

#include "whence/core/explanation.h"

namespace whence::render {

/// How an explanation is to be shown.
enum class Kind {
    table,     ///< one bar per feature
    pixels,    ///< a number for each pixel, or each cell of a layer's map (summed over channels)
    segments,  ///< a number for each superpixel
};
[[nodiscard]] Kind kind(const Explanation& explanation);

struct Map {
    int64_t height = 0, width = 0;
    std::vector<double> values;   ///< row by row
    std::vector<int32_t> labels;  ///< superpixel of each pixel; empty for Kind::pixels
    std::string layer;            ///< whose features these are; empty: the input's pixels
    [[nodiscard]] double at(int64_t row, int64_t column) const {
        return values[row * width + column];
    }
};

/// What one value of the map belongs to: "pixels", or "cells" of a layer.
[[nodiscard]] const char* unit(const Map& map);

/// Sum over channels, or each superpixel's weight on its pixels (a label without a weight: NaN).
/// Throws Error(usage) for Kind::table.
[[nodiscard]] Map map_of(const Explanation& explanation);

/// Where the colours end: the largest |weight| of superpixels or a layer's cells, else the given
/// percentile (nearest rank) of |value| over the finite pixels; if that is zero, the largest. 0 if
/// all are zero.
[[nodiscard]] double color_limit(const Map& map, double percentile = 99);

/// Share of the pixels, largest first, that carry half of the sum of |value|. 0 if all are zero.
[[nodiscard]] double half_mass(const Map& map);

}  // namespace whence::render
