#include "whence/render/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "whence/core/baseline.h"
#include "whence/core/error.h"
#include "whence/render/surface.h"

namespace whence::render {
namespace {

uint8_t to_byte(double value) {
    // Not a number is drawn black: there is nothing to see.
    return std::isnan(value) ? 0
                             : static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0, 1.0)));
}

ImageAxes axes_of(const Tensor& image) {
    const auto axes = image_axes(image.shape());
    if (!axes || image.rows() != 1 || image.size() == 0)
        throw Error(ErrorKind::input, "not one image of 1, 3 or 4 channels: a tensor of shape " +
                                          to_string(image.shape()));
    return *axes;
}

Rgb pixel_color(const std::array<double, 4>& channels, int64_t count) {
    const Rgb color = count == 1
                          ? Rgb{to_byte(channels[0]), to_byte(channels[0]), to_byte(channels[0])}
                          : Rgb{to_byte(channels[0]), to_byte(channels[1]), to_byte(channels[2])};
    return count == 4 ? mix({255, 255, 255}, color, to_byte(channels[3]) / 255.0) : color;
}

}  // namespace

Picture::Picture(int64_t rows, int64_t columns, Rgb fill) : height(rows), width(columns) {
    rgb.resize(static_cast<size_t>(3 * rows * columns));
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column) set(row, column, fill);
}

Rgb Picture::at(int64_t row, int64_t column) const {
    const uint8_t* pixel = &rgb[static_cast<size_t>(3 * (row * width + column))];
    return {pixel[0], pixel[1], pixel[2]};
}

void Picture::set(int64_t row, int64_t column, Rgb color) {
    uint8_t* pixel = &rgb[static_cast<size_t>(3 * (row * width + column))];
    pixel[0] = color.red, pixel[1] = color.green, pixel[2] = color.blue;
}

Picture to_picture(const Tensor& image) {
    const ImageAxes axes = axes_of(image);
    const auto length = [&](int axis) { return image.shape()[static_cast<size_t>(axis)]; };
    const int64_t channels = length(axes.channels);
    const bool channels_last = axes.channels == 3;
    const std::vector<double> values = image.to_doubles();
    Picture out(length(axes.height), length(axes.width));
    const int64_t pixels = out.height * out.width;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        std::array<double, 4> color{};
        for (int64_t channel = 0; channel < channels; ++channel)
            color[static_cast<size_t>(channel)] = values[static_cast<size_t>(
                channels_last ? pixel * channels + channel : channel * pixels + pixel)];
        out.set(pixel / out.width, pixel % out.width, pixel_color(color, channels));
    }
    return out;
}

Picture enlarged(const Picture& picture, int64_t factor) {
    return resized(picture, picture.height * factor, picture.width * factor);
}

Picture resized(const Picture& picture, int64_t height, int64_t width) {
    Picture out(height, width);
    for (int64_t row = 0; row < height; ++row)
        for (int64_t column = 0; column < width; ++column)
            out.set(row, column,
                    picture.at(row * picture.height / height, column * picture.width / width));
    return out;
}

std::vector<std::byte> to_png(const Picture& picture) {
    if (picture.height == 0 || picture.width == 0)
        throw Error(ErrorKind::input, "a picture without pixels cannot be written");
    return png_bytes(*image_surface(picture));
}

}  // namespace whence::render
