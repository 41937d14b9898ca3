#include "whence/render/palette.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace whence::render {
namespace {

// White point D65 and the sRGB matrices (IEC 61966-2-1).
constexpr double white_x = 0.95047, white_z = 1.08883;

double linear(uint8_t channel) {
    const double value = channel / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

uint8_t encoded(double value) {
    const double clamped = std::clamp(value, 0.0, 1.0);
    const double srgb =
        clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * std::pow(clamped, 1 / 2.4) - 0.055;
    return static_cast<uint8_t>(std::lround(255 * srgb));
}

constexpr double knee = 6.0 / 29;
double compress(double t) {
    return t > knee * knee * knee ? std::cbrt(t) : t / (3 * knee * knee) + 4.0 / 29;
}
double expand(double t) {
    return t > knee ? t * t * t : 3 * knee * knee * (t - 4.0 / 29);
}

// Anchors: neutral, half way, end. Lightness falls evenly; half way there is more than half of the
// colour, so that middling values do not look washed out.
using Anchors = std::array<Lab, 3>;
constexpr Anchors warm = {Lab{97, 0, 0}, Lab{69.5, 28, 38}, Lab{42, 48, 48}};
constexpr Anchors cold = {Lab{97, 0, 0}, Lab{69.5, -6, -30}, Lab{42, 3, -47}};

Rgb along(const Anchors& anchors, double share) {
    const double place = 2 * std::clamp(share, 0.0, 1.0);
    const size_t first = place < 1 ? 0 : 1;
    const double t = place - static_cast<double>(first);
    const Lab& from = anchors[first];
    const Lab& to = anchors[first + 1];
    return to_rgb({std::lerp(from.lightness, to.lightness, t), std::lerp(from.a, to.a, t),
                   std::lerp(from.b, to.b, t)});
}

}  // namespace

Lab to_lab(Rgb color) {
    const double r = linear(color.red), g = linear(color.green), b = linear(color.blue);
    const double x = compress((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / white_x);
    const double y = compress(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    const double z = compress((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / white_z);
    return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

Rgb to_rgb(Lab color) {
    const double fy = (color.lightness + 16) / 116;
    const double x = white_x * expand(fy + color.a / 500);
    const double y = expand(fy);
    const double z = white_z * expand(fy - color.b / 200);
    return {encoded(3.2404542 * x - 1.5371385 * y - 0.4985314 * z),
            encoded(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z),
            encoded(0.0556434 * x - 0.2040259 * y + 1.0572252 * z)};
}

Rgb diverging(double value) {
    if (std::isnan(value)) return not_a_number;
    return along(value < 0 ? cold : warm, std::abs(value));
}

Rgb sequential(double value) {
    return std::isnan(value) ? not_a_number : along(cold, value);
}

Rgb mix(Rgb below, Rgb above, double share) {
    const double t = std::clamp(share, 0.0, 1.0);
    const auto blend = [t](uint8_t from, uint8_t to) {
        return static_cast<uint8_t>(std::lround(std::lerp(double(from), double(to), t)));
    };
    return {blend(below.red, above.red), blend(below.green, above.green),
            blend(below.blue, above.blue)};
}

}  // namespace whence::render
