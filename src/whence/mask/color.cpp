#include "whence/mask/color.h"

#include <array>
#include <cmath>

#include "whence/core/parallel.h"

namespace whence::superpixel {
namespace {

constexpr int64_t pixel_grain = 4096;

constexpr double xyz_from_rgb[3][3] = {{0.412453, 0.357580, 0.180423},
                                       {0.212671, 0.715160, 0.072169},
                                       {0.019334, 0.119193, 0.950227}};
constexpr double white[3] = {0.95047, 1.0, 1.08883};

double linear(double srgb) {
    return srgb > 0.04045 ? std::pow((srgb + 0.055) / 1.055, 2.4) : srgb / 12.92;
}

double lightness(double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116.0; }

// Most images hold 8-bit values: their powers are computed once. Both ways of rounding k / 255, as
// float and as double, are met.
class LinearTable {
 public:
    LinearTable() {
        for (size_t k = 0; k < 256; ++k) {
            exact_[k] = static_cast<double>(k) / 255.0;
            single_[k] = static_cast<float>(exact_[k]);
            exact_linear_[k] = linear(exact_[k]);
            single_linear_[k] = linear(single_[k]);
        }
    }
    [[nodiscard]] double operator()(double srgb) const {
        if (srgb >= 0 && srgb <= 1) {
            const auto k = static_cast<size_t>(srgb * 255.0 + 0.5);
            if (srgb == exact_[k]) return exact_linear_[k];
            if (srgb == single_[k]) return single_linear_[k];
        }
        return linear(srgb);
    }

 private:
    std::array<double, 256> exact_, single_, exact_linear_, single_linear_;
};

}  // namespace

void rgb_to_lab(Planes& image, const Run& run) {
    static const LinearTable table;
    double* const first = image.plane(0);
    double* const second = image.plane(1);
    double* const third = image.plane(2);
    parallel_for(run, image.pixels(), pixel_grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const double red = table(first[i]), green = table(second[i]), blue = table(third[i]);
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
