#include "whence/mask/quickshift.h"

#include <cmath>
#include <utility>

#include "whence/mask/color.h"
#include "whence/mask/quickshift_noise.h"

namespace whence::superpixel {
namespace {

constexpr double noise_deviation = 1e-5;

void add_noise(std::vector<double>& density, uint64_t seed) {
    NumpyNormal normal(seed);
    for (double& value : density) value += noise_deviation * normal();
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
    add_noise(density, run.seed);
    Labels labels = quickshift_parents(image, density, options.kernel_size, options.max_dist, run);
    link_to_roots(labels);
    return labels;
}

}  // namespace whence::superpixel
