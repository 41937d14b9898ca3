#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "whence/core/parallel.h"
#include "whence/mask/quickshift.h"

namespace whence::superpixel {
namespace {

// A weight is the same seen from both of its pixels, so each pair of pixels is visited once, with
// the upper one (or the left one) first. A block of rows owns the sums of its pixels and visits the
// pairs that reach in from above itself: every pixel adds its weights in the same order wherever
// the blocks are cut, and equal neighbourhoods have equal densities to the last bit.
constexpr int64_t block_rows = 48;

// Pixels (here[i], there[i]) that are some whole offset apart.
struct Pairs {
    const float* here[channels];
    const float* there[channels];
    int64_t count;
};

// 2^x for x <= 0: x = n + f, a polynomial for 2^f on [-1/2, 1/2] (relative error 7.5e-8), n added
// to the exponent. Written to be inlined into loops that the compiler turns into vectors.
__attribute__((always_inline)) inline float exp2_of_negative(float x) {
    constexpr float round = 0x1.8p23F;  // adding it rounds to an integer, kept in the lowest bits
    // Bits of negative numbers grow with the magnitude: a minimum of integers is no branch.
    x = std::bit_cast<float>(
        std::min(std::bit_cast<uint32_t>(x), std::bit_cast<uint32_t>(-125.0F)));
    const float shifted = x + round;
    const float f = x - (shifted - round);
    float p = 1.3276479e-3F;
    p = p * f + 9.6755415e-3F;
    p = p * f + 5.5507133e-2F;
    p = p * f + 2.4022120e-1F;
    p = p * f + 6.9314697e-1F;
    p = p * f + 1.0000001F;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(p) +
                                (std::bit_cast<uint32_t>(shifted) << 23));
}

// Adds 2^(position - scale |color difference|^2) to both pixels of each pair.
WHENCE_VECTOR_CLONES
void add_weights(const Pairs& pairs, float position, float scale, float* __restrict here_sum,
                 float* __restrict there_sum) {
    const float *l0 = pairs.here[0], *a0 = pairs.here[1], *b0 = pairs.here[2];
    const float *l1 = pairs.there[0], *a1 = pairs.there[1], *b1 = pairs.there[2];
    const int64_t count = pairs.count;
    for (int64_t i = 0; i < count; ++i) {
        const float dl = l0[i] - l1[i], da = a0[i] - a1[i], db = b0[i] - b1[i];
        const float color = dl * dl + da * da + db * db;
        const float weight = exp2_of_negative(position - scale * color);
        here_sum[i] += weight;
        there_sum[i] += weight;
    }
}

class Density {
  public:
    Density(const Planes& colors, double kernel_size)
        : height_(colors.height),
          width_(colors.width),
          radius_(quickshift_radius(kernel_size)),
          scale_(0.5 / (kernel_size * kernel_size) * std::numbers::log2e),
          colors_(colors.values.begin(), colors.values.end()),
          sums_(static_cast<size_t>(colors.pixels()), 1.0) {}  // a pixel's weight for itself is 1

    void add_block(int64_t begin, int64_t end, const Run& run) {
        std::vector<float> upper(static_cast<size_t>(width_)), lower(upper.size());
        for (int64_t row = std::max<int64_t>(0, begin - radius_); row < end; ++row) {
            run.check();
            const int64_t last = std::min(row + radius_, height_ - 1);
            for (int64_t other = std::max(row, begin); other <= last; ++other) {
                std::fill(upper.begin(), upper.end(), 0.0F);
                std::fill(lower.begin(), lower.end(), 0.0F);
                add_row_pair(row, other, upper.data(), lower.data());
                if (row >= begin) add_to(row, upper);
                if (other < end) add_to(other, lower);
            }
        }
    }
    std::vector<double> take() { return std::move(sums_); }

  private:
    void add_row_pair(int64_t row, int64_t other, float* upper, float* lower) const {
        const int64_t rows_apart = other - row;
        const int64_t reach = std::min(radius_, width_ - 1);
        for (int64_t dx = rows_apart == 0 ? 1 : -reach; dx <= reach; ++dx) {
            const int64_t first = std::max<int64_t>(0, -dx);
            Pairs pairs{.here = {}, .there = {}, .count = width_ - std::abs(dx)};
            for (int k = 0; k < channels; ++k) {
                const float* plane = colors_.data() + k * height_ * width_;
                pairs.here[k] = plane + row * width_ + first;
                pairs.there[k] = plane + other * width_ + first + dx;
            }
            const auto position = -scale_ * static_cast<double>(rows_apart * rows_apart + dx * dx);
            add_weights(pairs, static_cast<float>(position), static_cast<float>(scale_),
                        upper + first, lower + first + dx);
        }
    }
    void add_to(int64_t row, const std::vector<float>& weights) {
        double* const sum = sums_.data() + row * width_;
        for (size_t x = 0; x < weights.size(); ++x) sum[x] += weights[x];
    }

    int64_t height_, width_, radius_;
    double scale_;  // of squared distances, for powers of two
    std::vector<float> colors_;
    std::vector<double> sums_;
};

}  // namespace

std::vector<double> quickshift_density(const Planes& colors, double kernel_size, const Run& run) {
    Density density(colors, kernel_size);
    parallel_for(run, colors.height, block_rows,
                 [&](int64_t begin, int64_t end) { density.add_block(begin, end, run); });
    return density.take();
}

}  // namespace whence::superpixel
