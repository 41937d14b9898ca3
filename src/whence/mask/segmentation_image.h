#pragma once
// What the segmentation methods share. Private to this folder and its tests.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/vector_clones.h"

namespace whence::superpixel {

constexpr int channels = 3;

/// An image of three planes, each row-major.
struct Planes {
    int64_t height = 0;
    int64_t width = 0;
    std::vector<double> values;

    Planes(int64_t rows, int64_t columns)
        : height(rows), width(columns), values(static_cast<size_t>(channels * rows * columns)) {}
    [[nodiscard]] int64_t pixels() const { return height * width; }
    [[nodiscard]] double* plane(int channel) { return values.data() + channel * pixels(); }
    [[nodiscard]] const double* plane(int channel) const {
        return values.data() + channel * pixels();
    }
};

/// One number per pixel; which number is the method's affair.
using Labels = std::vector<int32_t>;

/// Gaussian smoothing of each plane, in place, exactly as scipy.ndimage.gaussian_filter: kernel cut
/// at four sigma, the image mirrored at its edges (d c b a | a b c d), rows first.
void smooth(Planes& image, double sigma, const Run& run);

/// Weights 0..radius of that kernel: the centre first, the other half is the mirror image.
[[nodiscard]] std::vector<double> gaussian_half_kernel(double sigma);

}  // namespace whence::superpixel
