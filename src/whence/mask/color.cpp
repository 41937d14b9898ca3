#include "whence/mask/color.h"

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

double lightness(double t) {
    return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116.0;
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
        for (int64_t i = begin; i < end; ++i) {
            const double red = memo(first[i]), green = memo(second[i]), blue = memo(third[i]);
            double f[3];
            for (int k = 0; k < 3; ++k)
                f[k] = lightness((red * xyz_from_rgb[k][0] + green * xyz_from_rgb[k][1] +
                                  blue * xyz_from_rgb[k][2]) /
                                 white[k]);
            first[i] = 116.0 * f[1] - 16.0;
            second[i] = 500.0 * (f[0] - f[1]);
            third[i] = 200.0 * (f[1] - f[2]);
        }
    });
}

}  // namespace whence::superpixel
