#include "whence/mask/slic.h"

#include <algorithm>
#include <cmath>

#include "whence/core/parallel.h"
#include "whence/mask/color.h"

namespace whence::superpixel {
namespace {

constexpr double min_size_factor = 0.5, max_size_factor = 3;

// Compactness should not depend on the contrast of the image.
void stretch(Planes& image) {
    const auto [low, high] = std::ranges::minmax(image.values);
    const double range = high == low ? 1.0 : high - low;
    for (double& value : image.values) value = (value - low) / range;
}

// Colours start at zero, so the first assignment goes by position and lightness: scikit-image's
// way.
std::vector<Center> grid_centers(const Planes& image, const SlicGrid& grid) {
    std::vector<Center> centers;
    for (int64_t y = grid.rows.start; y < image.height; y += grid.rows.step)
        for (int64_t x = grid.columns.start; x < image.width; x += grid.columns.step)
            centers.push_back({.y = static_cast<double>(y), .x = static_cast<double>(x)});
    return centers;
}

// Summed in one thread, in the order of the pixels. A centre without pixels becomes NaN and is
// skipped from then on.
void move_centers(const Planes& image, const Labels& labels, std::vector<Center>& centers) {
    std::vector<double> count(centers.size());
    std::ranges::fill(centers, Center{});
    int64_t i = 0;
    for (int64_t y = 0; y < image.height; ++y)
        for (int64_t x = 0; x < image.width; ++x, ++i) {
            const int32_t label = labels[static_cast<size_t>(i)];
            if (label < 0) continue;
            Center& center = centers[static_cast<size_t>(label)];
            count[static_cast<size_t>(label)] += 1;
            center.y += static_cast<double>(y);
            center.x += static_cast<double>(x);
            for (int k = 0; k < channels; ++k) center.color[k] += image.plane(k)[i];
        }
    for (size_t k = 0; k < centers.size(); ++k) {
        centers[k].y /= count[k];
        centers[k].x /= count[k];
        for (double& color : centers[k].color) color /= count[k];
    }
}

}  // namespace

SlicGrid regular_grid(int64_t height, int64_t width, int64_t points) {
    const int64_t pixels = height * width;
    if (pixels <= points) return {};
    const auto tick = [](double step) {
        return Ticks{static_cast<int64_t>(step / 2), static_cast<int64_t>(std::nearbyint(step))};
    };
    const auto shorter = static_cast<double>(std::min(height, width));
    const auto longer = static_cast<double>(std::max(height, width));
    const double even = std::sqrt(static_cast<double>(pixels) / static_cast<double>(points));
    // A side shorter than the spacing holds one row of points.
    const bool narrow = shorter < even;
    const Ticks across = tick(narrow ? shorter : even);
    const Ticks along = tick(narrow ? longer / static_cast<double>(points) : even);
    return height <= width ? SlicGrid{across, along} : SlicGrid{along, across};
}

Labels segment_pixels(Planes image, const Slic& options, const Run& run) {
    stretch(image);
    rgb_to_lab(image, run);
    smooth(image, options.sigma, run);
    const double scale = 1.0 / options.compactness;
    for (double& value : image.values) value *= scale;

    const SlicGrid grid = regular_grid(image.height, image.width, options.segments);
    std::vector<Center> centers = grid_centers(image, grid);
    const auto step = static_cast<double>(std::max(grid.rows.step, grid.columns.step));
    // Windows follow the spacing of the centres there are, not of those wanted.
    const auto count = static_cast<int64_t>(centers.size());
    const SlicGrid windows = regular_grid(image.height, image.width, count);

    Labels labels(static_cast<size_t>(image.pixels()), -1);
    SlicReach reach;
    for (int iteration = 0; iteration < options.iterations; ++iteration) {
        assign_to_centers(image, centers, step, windows, reach, labels, run);
        const std::vector<Center> before = centers;
        move_centers(image, labels, centers);
        reach.moved = 0;
        for (size_t k = 0; k < centers.size(); ++k)  // a centre that lost all its pixels is NaN: nobody's
            reach.moved = std::max(reach.moved, distance(before[k], centers[k], step));
    }
    if (!options.enforce_connectivity) return labels;
    const double size = static_cast<double>(image.pixels()) / static_cast<double>(count);
    return connect(labels, image.width, static_cast<int64_t>(min_size_factor * size),
                   static_cast<int64_t>(max_size_factor * size), run);
}

}  // namespace whence::superpixel
