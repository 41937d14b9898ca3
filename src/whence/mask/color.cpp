#include "whence/mask/color.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "whence/core/parallel.h"

namespace whence::superpixel {
namespace {

constexpr int64_t pixel_grain = 16384;

constexpr double xyz_from_rgb[3][3] = {
    {0.412453, 0.357580, 0.180423}, {0.212671, 0.715160, 0.072169}, {0.019334, 0.119193, 0.950227}};
constexpr double white[3] = {0.95047, 1.0, 1.08883};

double linear(double srgb) {
    return srgb > 0.04045 ? std::pow((srgb + 0.055) / 1.055, 2.4) : srgb / 12.92;
}

// The cube root of t in [1e-3, 10], to two units in the last place: a guess from the bits of a
// float (their logarithm divided by three), then Halley's rule, each step cubing the relative error
// (some 0.05 at first).
inline double cube_root(double t) {
    const auto bits = static_cast<float>(std::bit_cast<int32_t>(static_cast<float>(t)));
    const auto third = static_cast<int32_t>(bits * (1.0f / 3));
    double y = std::bit_cast<float>(third + 0x2A510000);
    for (int step = 0; step < 3; ++step) {
        const double cube = y * y * y;
        y *= (cube + 2 * t) / (2 * cube + t);
    }
    return y;
}

// From shares of white to what the three coordinates of L*a*b* are made of, in place.
WHENCE_VECTOR_CLONES
void lightness(double* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const double t = values[i], root = cube_root(std::max(t, 0.008));
        values[i] = t > 0.008856 ? root : 7.787 * t + 16.0 / 116.0;
    }
}

// Powers are slow and most images hold 256 different values: each is remembered in the place that
// its bits point to.
class LinearMemo {
  public:
    double operator()(double srgb) {
        const auto bits = std::bit_cast<uint64_t>(srgb);
        Entry& entry = entries_[bits * 0x9E3779B97F4A7C15 >> (64 - place_bits)];
        if (entry.bits != bits) entry = {bits, linear(srgb)};
        return entry.value;
    }

  private:
    static constexpr int place_bits = 11;
    struct Entry {
        uint64_t bits = 0;  // of 0.0, whose value is 0.0
        double value = 0;
    };
    std::array<Entry, size_t{1} << place_bits> entries_{};
};

}  // namespace

void rgb_to_lab(Planes& image, const Run& run) {
    double* const first = image.plane(0);
    double* const second = image.plane(1);
    double* const third = image.plane(2);
    parallel_for(run, image.pixels(), pixel_grain, [&](int64_t begin, int64_t end) {
        LinearMemo memo;
        double* const planes[3] = {first, second, third};
        for (int64_t i = begin; i < end; ++i) {
            const double red = memo(first[i]), green = memo(second[i]), blue = memo(third[i]);
            for (int k = 0; k < 3; ++k)
                planes[k][i] = (red * xyz_from_rgb[k][0] + green * xyz_from_rgb[k][1] +
                                blue * xyz_from_rgb[k][2]) /
                               white[k];
        }
        for (double* plane : planes) lightness(plane + begin, end - begin);
        for (int64_t i = begin; i < end; ++i) {
            const double x = first[i], y = second[i], z = third[i];
            first[i] = 116.0 * y - 16.0;
            second[i] = 500.0 * (x - y);
            third[i] = 200.0 * (y - z);
        }
    });
}

}  // namespace whence::superpixel
