#pragma once
// Finished pixels, and how they come from tensors and leave as PNG.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "whence/core/tensor.h"
#include "whence/render/palette.h"

namespace whence::render {

/// 8-bit sRGB, row by row, no gaps.
struct Picture {
    int64_t height = 0, width = 0;
    std::vector<uint8_t> rgb;

    Picture() = default;
    Picture(int64_t rows, int64_t columns, Rgb fill = {255, 255, 255});
    [[nodiscard]] Rgb at(int64_t row, int64_t column) const;
    void set(int64_t row, int64_t column, Rgb color);
    friend bool operator==(const Picture&, const Picture&) = default;
};

/// One image [1, H, W, C] or [1, C, H, W] with values in [0, 1]; grey, colour, or colour with
/// transparency (over white). Values outside are clamped. Throws Error(input) if it is no image.
[[nodiscard]] Picture to_picture(const Tensor& image);

/// Every pixel becomes factor x factor pixels: blocky on purpose.
[[nodiscard]] Picture enlarged(const Picture& picture, int64_t factor);
/// Nearest neighbour to any size.
[[nodiscard]] Picture resized(const Picture& picture, int64_t height, int64_t width);

/// The picture as a PNG file.
[[nodiscard]] std::vector<std::byte> to_png(const Picture& picture);

}  // namespace whence::render
