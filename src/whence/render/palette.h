#pragma once
// Colours of values. Blue speaks against, orange for: told apart with every common colour
// blindness, and equally light at equal distance from zero.

#include <cstdint>

namespace whence::render {

struct Rgb {
    uint8_t red = 0, green = 0, blue = 0;
    friend bool operator==(Rgb, Rgb) = default;
};

/// CIE L*a*b* (D65): distances in it are roughly distances to the eye.
struct Lab {
    double lightness = 0, a = 0, b = 0;
};
[[nodiscard]] Lab to_lab(Rgb color);
[[nodiscard]] Rgb to_rgb(Lab color);

/// value in [-1, 1], clamped: blue, white at 0, orange-red. Lightness falls evenly and equally on
/// both sides. NaN is not_a_number.
[[nodiscard]] Rgb diverging(double value);
/// value in [0, 1], clamped: white to dark blue, lightness falling evenly.
[[nodiscard]] Rgb sequential(double value);
/// `share` 0: all `below`; 1: all `above`.
[[nodiscard]] Rgb mix(Rgb below, Rgb above, double share);

/// Bars and marks: positive (orange), negative (blue); a grey that no value has, for NaN.
inline constexpr Rgb positive{201, 86, 24};
inline constexpr Rgb negative{43, 106, 176};
inline constexpr Rgb not_a_number{150, 150, 150};

}  // namespace whence::render
