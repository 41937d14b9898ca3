#pragma once
// Quickshift in its two steps: how dense is the neighbourhood of each pixel, and which is its
// nearest denser neighbour. The trees that these links make are the segments.

#include "whence/mask/segmentation.h"
#include "whence/mask/segmentation_image.h"

namespace whence::superpixel {

/// Sum over the window of exp(-distance^2 / (2 kernel_size^2)), with distances in colour and
/// position. Single precision per weight (relative error below 3e-7), summed in double.
[[nodiscard]] std::vector<double> quickshift_density(const Planes& colors, double kernel_size,
                                                     const Run& run);

/// The nearest pixel of higher density in the window, of equally near ones the first row by row;
/// the pixel itself where there is none or it is further than max_dist.
[[nodiscard]] Labels quickshift_parents(const Planes& colors, std::span<const double> density,
                                        double kernel_size, double max_dist, const Run& run);

/// Half the side of the window.
[[nodiscard]] int64_t quickshift_radius(double kernel_size);

/// The number of each pixel's root. `image` is RGB.
[[nodiscard]] Labels segment_pixels(Planes image, const Quickshift& options, const Run& run);

}  // namespace whence::superpixel
