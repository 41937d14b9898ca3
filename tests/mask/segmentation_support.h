#pragma once
// Images for the tests of segmentation.

#include <cstdint>
#include <string>
#include <vector>

#include "whence/core/tensor.h"
#include "whence/mask/segmentation_image.h"

namespace whence::tests {

/// 8-bit values to [0, 1] in double.
inline Tensor to_image(Shape shape, const std::vector<uint8_t>& bytes) {
    std::vector<double> values;
    for (const uint8_t byte : bytes) values.push_back(byte / 255.0);
    return Tensor::of<double>(std::move(shape), values);
}

/// A disk on two slopes, a little noise, a plateau at the right: the formula of
/// make_segmentation_golden.py.
inline Tensor synthetic(int64_t height, int64_t width, int64_t channel_count) {
    std::vector<uint8_t> bytes;
    for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x) {
            const int64_t noise = ((x * 73856093) ^ (y * 19349663)) >> 4 & 15;
            const int64_t dx = x - width / 3, dy = y - height / 2, radius = height / 3;
            const bool disk = dx * dx + dy * dy < radius * radius;
            const int64_t rgb[] = {(disk ? 200 : 60) + noise, 4 * x + noise, 3 * y + 2 * noise};
            for (int64_t k = 0; k < channel_count; ++k)
                bytes.push_back(x > 3 * width / 4 ? 255 : static_cast<uint8_t>(rgb[k]));
        }
    return to_image({height, width, channel_count}, bytes);
}

inline Tensor constant(int64_t height, int64_t width, double value) {
    return Tensor::of<double>({height, width, 3},
                              std::vector<double>(static_cast<size_t>(height * width * 3), value));
}

inline superpixel::Planes to_planes(const Tensor& image, double scale) {
    superpixel::Planes planes(image.shape()[0], image.shape()[1]);
    const auto values = image.as<double>();
    for (int64_t i = 0; i < planes.pixels(); ++i)
        for (int k = 0; k < superpixel::channels; ++k)
            planes.plane(k)[i] = scale * values[static_cast<size_t>(i * superpixel::channels + k)];
    return planes;
}

}  // namespace whence::tests
