#pragma once
// Maps brought to another size by straight lines between the centres of their cells.

#include <cstdint>
#include <span>
#include <vector>

namespace whence {

/// A map [height, width], row by row, resized to [to_height, to_width]: pixel centres lie at one
/// half (align_corners = False of PyTorch), edges are repeated. All lengths are at least 1.
[[nodiscard]] std::vector<double> bilinear(std::span<const double> map, int64_t height,
                                           int64_t width, int64_t to_height, int64_t to_width);

}  // namespace whence
