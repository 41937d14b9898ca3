#include <algorithm>
#include <cmath>

#include "whence/core/parallel.h"
#include "whence/mask/segmentation_image.h"

namespace whence::superpixel {
namespace {

constexpr int64_t row_grain = 16;

// Sum in the order NumPy adds short arrays. One bit of the weights would reorder Felzenszwalb's
// edges, and its segments must equal scikit-image's.
double numpy_sum(std::span<const double> values) {
    if (values.size() < 8) {
        double total = 0;
        for (const double value : values) total += value;
        return total;
    }
    if (values.size() > 128) {
        const size_t half = values.size() / 2 / 8 * 8;
        return numpy_sum(values.first(half)) + numpy_sum(values.subspan(half));
    }
    double lane[8];
    std::copy_n(values.begin(), 8, lane);
    size_t i = 8;
    for (; i + 8 <= values.size(); i += 8)
        for (size_t k = 0; k < 8; ++k) lane[k] += values[i + k];
    double total =
        ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    for (; i < values.size(); ++i) total += values[i];
    return total;
}

// Index of the mirrored image; the radius may exceed the image.
int64_t mirrored(int64_t i, int64_t size) {
    const int64_t period = 2 * size;
    i = (i % period + period) % period;
    return i < size ? i : period - 1 - i;
}

WHENCE_VECTOR_CLONES
void scale_row(const double* in, double weight, int64_t count, double* __restrict out) {
    for (int64_t x = 0; x < count; ++x) out[x] = in[x] * weight;
}

WHENCE_VECTOR_CLONES
void add_pair(const double* before, const double* after, double weight, int64_t count,
              double* __restrict out) {
    for (int64_t x = 0; x < count; ++x) out[x] += (before[x] + after[x]) * weight;
}

// From the outermost pair inwards: the order scipy adds in.
template <class RowAt>
void weigh(std::span<const double> kernel, int64_t count, RowAt row_at, double* out) {
    scale_row(row_at(0), kernel[0], count, out);
    for (auto k = static_cast<int64_t>(kernel.size()) - 1; k > 0; --k)
        add_pair(row_at(-k), row_at(k), kernel[static_cast<size_t>(k)], count, out);
}

void smooth_vertically(const Planes& in, std::span<const double> kernel, Planes& out,
                       const Run& run) {
    parallel_for(run, channels * in.height, row_grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const double* plane = in.plane(static_cast<int>(i / in.height));
            const int64_t row = i % in.height;
            const auto row_at = [&](int64_t offset) {
                return plane + mirrored(row + offset, in.height) * in.width;
            };
            weigh(kernel, in.width, row_at, out.values.data() + i * in.width);
        }
    });
}

void smooth_horizontally(const Planes& in, std::span<const double> kernel, Planes& out,
                         const Run& run) {
    const auto radius = static_cast<int64_t>(kernel.size()) - 1;
    parallel_for(run, channels * in.height, row_grain, [&](int64_t begin, int64_t end) {
        std::vector<double> line(static_cast<size_t>(in.width + 2 * radius));
        for (int64_t i = begin; i < end; ++i) {
            const double* row = in.values.data() + i * in.width;
            for (int64_t x = -radius; x < in.width + radius; ++x)
                line[static_cast<size_t>(x + radius)] = row[mirrored(x, in.width)];
            const auto row_at = [&](int64_t offset) { return line.data() + radius + offset; };
            weigh(kernel, in.width, row_at, out.values.data() + i * in.width);
        }
    });
}

}  // namespace

std::vector<double> gaussian_half_kernel(double sigma) {
    const auto radius = static_cast<int64_t>(4 * sigma + 0.5);
    const double exponent = -0.5 / (sigma * sigma);
    std::vector<double> full;
    for (int64_t x = -radius; x <= radius; ++x)
        full.push_back(std::exp(exponent * static_cast<double>(x * x)));
    const double total = numpy_sum(full);
    std::vector<double> half(full.begin() + radius, full.end());
    for (double& weight : half) weight /= total;
    return half;
}

void smooth(Planes& image, double sigma, const Run& run) {
    if (sigma <= 1e-15) return;  // scipy's threshold
    const std::vector<double> kernel = gaussian_half_kernel(sigma);
    Planes rows(image.height, image.width);
    smooth_vertically(image, kernel, rows, run);
    smooth_horizontally(rows, kernel, image, run);
}

}  // namespace whence::superpixel
