#pragma once
// Object masks for pictures that nobody marked: where the object is the foreground, or a tile of a
// mosaic.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "whence/core/tensor.h"

namespace whence::metrics {

/// 1 for each pixel whose largest channel is above `threshold` times that of the picture, else 0:
/// the object where the background is black (MNIST, Fashion-MNIST). Of photographs it is nearly
/// every pixel, and says nothing. `picture`: one picture [1, H, W, C] or [1, C, H, W], [1, H, W] or
/// [H, W], of numbers from 0 up. A black picture has an empty mask. Throws Error(usage) unless the
/// threshold is in [0, 1), Error(input) for another shape, negative numbers or NaN.
[[nodiscard]] std::vector<uint8_t> foreground_mask(const Tensor& picture, double threshold = 0.1);

/// Four pictures in one, two beside two, and where each is.
struct Mosaic {
    Tensor picture;  ///< as the pictures: [1, ...], of their size
    std::array<int64_t, 4>
        pictures;  ///< numbers of those in it: above left, right, below left, right
    std::array<int64_t, 4> classes;  ///< all different
    int64_t height = 0, width = 0;

    /// 1 for each pixel [height, width] of that tile.
    [[nodiscard]] std::vector<uint8_t> mask(int64_t tile) const;
};

/// `count` mosaics of pictures of four different classes drawn at random, each picture shrunk to
/// half its height and width by the mean of 2 x 2 pixels, so that a mosaic has the size that the
/// model reads. An explanation for the class of a tile should lie in it (Arias-Duart et al. 2022,
/// "Focus! Rating XAI methods and finding biases"). `pictures`: [N, H, W, C] or [N, C, H, W] of
/// floats, H and W even; `labels`: N classes. Mosaic m depends on the seed and m alone. A shrunk
/// picture is not what the model was trained on: ask it whether it still knows the class. Throws
/// Error(input) for other shapes or fewer than four classes.
[[nodiscard]] std::vector<Mosaic> mosaics(const Tensor& pictures, std::span<const int64_t> labels,
                                          int64_t count, uint64_t seed);

}  // namespace whence::metrics
