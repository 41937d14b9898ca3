#pragma once
// Felzenszwalb and Huttenlocher's segmentation: pixels and the edges to their eight neighbours.

#include "whence/mask/segmentation.h"
#include "whence/mask/segmentation_image.h"

namespace whence::superpixel {

/// Two neighbours and how much their colours differ.
struct Edge {
    double cost;
    int32_t from, to;
};

/// All edges in scikit-image's order: right, down, down and right, up and right.
[[nodiscard]] std::vector<Edge> neighbor_edges(const Planes& image);

/// The cheapest first; equal costs keep their order. No cost may be negative.
void sort_by_cost(std::vector<Edge>& edges);

/// The first pixel of each pixel's segment. `image` is RGB.
[[nodiscard]] Labels segment_pixels(Planes image, const Felzenszwalb& options, const Run& run);

}  // namespace whence::superpixel
