#include "whence/mask/quickshift.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "whence/core/parallel.h"
#include "whence/core/rng.h"
#include "whence/mask/color.h"

namespace whence::superpixel {
namespace {

constexpr int64_t row_grain = 8;
constexpr double noise_deviation = 1e-5;
constexpr uint32_t noise_stream = 0x7173686e;  // one purpose, one stream

void add_noise(std::vector<double>& density, int64_t width, const Run& run) {
    const auto rows = static_cast<int64_t>(density.size()) / width;
    parallel_for(run, rows, row_grain, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            Rng rng(run.seed, noise_stream, static_cast<uint64_t>(row));
            double* const line = density.data() + row * width;
            for (int64_t x = 0; x < width; ++x) line[x] += noise_deviation * rng.normal();
        }
    });
}

// A parent is denser than its child, so there are no circles.
void link_to_roots(Labels& parents) {
    Labels path;
    for (size_t i = 0; i < parents.size(); ++i) {
        int32_t node = static_cast<int32_t>(i);
        path.clear();
        while (parents[static_cast<size_t>(node)] != node) {
            path.push_back(node);
            node = parents[static_cast<size_t>(node)];
        }
        for (const int32_t child : path) parents[static_cast<size_t>(child)] = node;
    }
}

}  // namespace

int64_t quickshift_radius(double kernel_size) {
    return static_cast<int64_t>(std::ceil(3 * kernel_size));
}

Labels segment_pixels(Planes image, const Quickshift& options, const Run& run) {
    rgb_to_lab(image, run);
    smooth(image, options.sigma, run);
    for (double& value : image.values) value *= options.ratio;
    std::vector<double> density = quickshift_density(image, options.kernel_size, run);
    add_noise(density, image.width, run);
    Labels labels =
        quickshift_parents(image, density, options.kernel_size, options.max_dist, run);
    link_to_roots(labels);
    return labels;
}

}  // namespace whence::superpixel
