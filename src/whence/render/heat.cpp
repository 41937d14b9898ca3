#include "whence/render/heat.h"

#include <algorithm>
#include <cmath>

#include "whence/core/bilinear.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr Rgb boundary{60, 60, 66};

// One map seen at another size: which of its cells each pixel shows.
struct Sampling {
    const Map& map;
    int64_t height, width;
    [[nodiscard]] size_t cell(int64_t row, int64_t column) const {
        return static_cast<size_t>(row * map.height / height * map.width +
                                   column * map.width / width);
    }
    // One value for each pixel. Pixels of the input stay squares; a layer's map is coarse by
    // nature, and its cells have no edges that would mean anything.
    [[nodiscard]] std::vector<double> values() const {
        if (!map.layer.empty()) return bilinear(map.values, map.height, map.width, height, width);
        std::vector<double> out;
        out.reserve(static_cast<size_t>(height * width));
        for (int64_t row = 0; row < height; ++row)
            for (int64_t column = 0; column < width; ++column)
                out.push_back(map.values[cell(row, column)]);
        return out;
    }
    // Drawn on one side of the border only, so that lines are one pixel wide.
    [[nodiscard]] bool on_boundary(int64_t row, int64_t column) const {
        if (map.labels.empty()) return false;
        const int32_t label = map.labels[cell(row, column)];
        return (column + 1 < width && map.labels[cell(row, column + 1)] != label) ||
               (row + 1 < height && map.labels[cell(row + 1, column)] != label);
    }
};

double relative(double value, double limit) {
    return limit > 0 ? value / limit : 0 * value;
}

// Grey, and lighter than it was: colour must stand out from it.
Rgb greyed(Rgb color) {
    const auto grey = static_cast<uint8_t>(
        std::lround(0.299 * color.red + 0.587 * color.green + 0.114 * color.blue));
    return mix({grey, grey, grey}, {255, 255, 255}, 0.25);
}

Rgb cover(Rgb below, double value, Blend blend) {
    if (std::isnan(value)) return mix(below, not_a_number, 0.8);
    if (blend == Blend::half) return mix(below, diverging(value), 0.5);
    const double size = std::min(1.0, std::abs(value));
    // Hue from the start: a faint value is a faint tint, not a white veil.
    return mix(below, diverging(std::copysign(0.4 + 0.6 * size, value)), 0.9 * std::pow(size, 0.8));
}

}  // namespace

Picture paint(const Map& map, double limit, int64_t height, int64_t width, Boundaries boundaries) {
    const Sampling sampling{map, height, width};
    const std::vector<double> values = sampling.values();
    const bool lines = boundaries == Boundaries::shown;
    Picture out(height, width);
    for (int64_t row = 0; row < height; ++row)
        for (int64_t column = 0; column < width; ++column) {
            const double value = values[static_cast<size_t>(row * width + column)];
            const Rgb color = diverging(relative(value, limit));
            const bool line = lines && sampling.on_boundary(row, column);
            out.set(row, column, line ? mix(color, boundary, 0.35) : color);
        }
    return out;
}

Picture paint_over(const Map& map, double limit, const Picture& photograph, Blend blend,
                   int64_t height, int64_t width) {
    const Sampling sampling{map, height, width};
    const std::vector<double> values = sampling.values();
    const Picture below = resized(photograph, height, width);
    Picture out(height, width);
    for (int64_t row = 0; row < height; ++row)
        for (int64_t column = 0; column < width; ++column) {
            const double value = values[static_cast<size_t>(row * width + column)];
            const Rgb color = cover(greyed(below.at(row, column)), relative(value, limit), blend);
            out.set(row, column,
                    sampling.on_boundary(row, column) ? mix(color, boundary, 0.6) : color);
        }
    return out;
}

Picture spotlight(const Map& map, const Picture& photograph, int64_t height, int64_t width) {
    const Sampling sampling{map, height, width};
    Picture out = resized(photograph, height, width);
    for (int64_t row = 0; row < height; ++row)
        for (int64_t column = 0; column < width; ++column) {
            const Rgb pixel = out.at(row, column);
            const bool lit = map.values[sampling.cell(row, column)] > 0;
            const Rgb color = lit ? pixel : mix(greyed(pixel), {255, 255, 255}, 0.5);
            out.set(row, column,
                    sampling.on_boundary(row, column) ? mix(color, boundary, 0.35) : color);
        }
    return out;
}

int64_t pixel_factor(int64_t height, int64_t width, int64_t box) {
    const int64_t longer = std::max({height, width, int64_t{1}});
    return std::max<int64_t>(1, (box + longer / 2) / longer);
}

Picture color_strip() {
    constexpr int64_t steps = 512;
    Picture out(1, steps);
    for (int64_t i = 0; i < steps; ++i)
        out.set(0, i, diverging(2.0 * static_cast<double>(i) / (steps - 1) - 1));
    return out;
}

std::vector<std::string> pixel_notes(const Map& map, double limit, double percentile,
                                     int64_t seen_height, int64_t seen_width) {
    constexpr int64_t few = 96;
    const auto size = [](int64_t height, int64_t width) {
        return std::to_string(width) + " x " + std::to_string(height);
    };
    std::vector<std::string> out;
    const double largest = color_limit(map, 100);
    if (limit > 0 && limit < largest)
        out.push_back("Colours end at the " + number(percentile) + "th percentile of |value| (" +
                      number(limit) + "); the largest is " + number(largest) + ".");
    if (map.labels.empty()) {
        const double half = half_mass(map);
        if (half > 0)
            out.push_back("Half of the total weight lies in " + percent(half) + " of the " +
                          unit(map) + ".");
    }
    if (map.layer.empty() && std::max(seen_height, seen_width) <= few)
        out.push_back("The model sees " + size(seen_height, seen_width) +
                      " pixels: each block is one of them.");
    if (!map.layer.empty())
        out.push_back("Map of " + map.layer + ", " + size(map.height, map.width) +
                      ", enlarged smoothly.");
    else if (map.height != seen_height || map.width != seen_width)
        out.push_back("The map has " + size(map.height, map.width) +
                      " values, stretched over the image without smoothing.");
    if (std::ranges::any_of(map.values, [](double value) { return !std::isfinite(value); }))
        out.push_back("Grey: no number.");
    return out;
}

}  // namespace whence::render
