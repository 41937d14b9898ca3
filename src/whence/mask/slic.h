#pragma once
// SLIC in its steps: centres on a regular grid, k-means in windows, connected segments.

#include "whence/mask/segmentation.h"
#include "whence/mask/segmentation_image.h"

namespace whence::superpixel {

/// Regular positions start, start + step, ... below the length of a dimension.
struct Ticks {
    int64_t start = 0;
    int64_t step = 1;
    [[nodiscard]] int64_t count(int64_t length) const { return (length - start + step - 1) / step; }
};
struct SlicGrid {
    Ticks rows, columns;
};

/// About `points` positions, spaced alike both ways: skimage.util.regular_grid on (1, H, W).
[[nodiscard]] SlicGrid regular_grid(int64_t height, int64_t width, int64_t points);

/// A centre: where it is and its colour, on the scale of the image.
struct Center {
    double y = 0, x = 0;
    double color[channels] = {};
};

/// What one assignment knows of the next: centres farther than this need not be asked. Only a
/// guess: it is checked.
struct SlicReach {
    /// Of each strip of a row: the squared distance of the pixel that is farthest from its centre,
    /// [height][strips]. Empty before the first assignment.
    std::vector<double> farthest;
    /// How far a centre has moved since at most.
    double moved = 0;
};

/// Each pixel's label becomes the nearest centre among those whose window of two steps each way has
/// the pixel; of equally near ones the first. A label stays where no window reaches.
void assign_to_centers(const Planes& image, std::span<const Center> centers, double step,
                       const SlicGrid& windows, SlicReach& reach, Labels& labels, const Run& run);

/// The square root of the distance that assign_to_centers compares, between two centres.
[[nodiscard]] double distance(const Center& a, const Center& b, double step);

/// Splits labels into 4-connected segments of at most max_size pixels; one smaller than min_size
/// joins the neighbour that was seen last.
[[nodiscard]] Labels connect(const Labels& labels, int64_t width, int64_t min_size,
                             int64_t max_size, const Run& run);

/// The label of each pixel. `image` is RGB.
[[nodiscard]] Labels segment_pixels(Planes image, const Slic& options, const Run& run);

}  // namespace whence::superpixel
