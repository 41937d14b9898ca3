#pragma once
// Felzenszwalb and Huttenlocher's segmentation: pixels and the edges to their eight neighbours.

#include "whence/mask/segmentation.h"
#include "whence/mask/segmentation_image.h"

namespace whence::superpixel {

/// Two neighbours and how much their colours differ.
struct Edges {
    std::vector<double> cost;
    std::vector<int32_t> from, to;
};

/// All edges in scikit-image's order: right, down, down and right, up and right.
[[nodiscard]] Edges neighbor_edges(const Planes& image);

/// Indices of the costs (none negative) from the cheapest on; equal costs keep their order.
[[nodiscard]] std::vector<uint32_t> stable_order(std::span<const double> costs);

/// The first pixel of each pixel's segment. `image` is RGB.
[[nodiscard]] Labels segment_pixels(Planes image, const Felzenszwalb& options, const Run& run);

}  // namespace whence::superpixel
