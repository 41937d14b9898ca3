#pragma once
// The pictures that one iteration of a study explains, and where in them the object is.

#include <cstdint>
#include <vector>

#include "whence/core/tensor.h"
#include "whence/data/labelled_images.h"
#include "whence/experiment/spec.h"

namespace whence::experiment {

struct Object {
    int64_t number = 0;  ///< in the test set
    int64_t label = 0;
    Tensor image;  ///< float32 [1, height, width, channels] in [0, 1]
    /// The picture that shows where the object is, and its place in it, one byte for each pixel. Of
    /// ObjectMask::foreground the picture is `image` itself and `scene` is empty.
    Tensor scene;
    std::vector<uint8_t> place;

    [[nodiscard]] const Tensor& located() const { return scene.size() > 0 ? scene : image; }
};

/// `spec.objects` test pictures, as many of each class as of every other (the first classes one
/// more where that does not divide), drawn by `seed`. Throws Error(input) where a class has too
/// few, or there are more classes than objects.
[[nodiscard]] std::vector<Object> draw_objects(const data::LabelledImages& test, const Spec& spec,
                                               const DataSetSpec& set, uint64_t seed);

/// Four pictures of one size as one of that size: each is halved by the mean of 2 x 2 pixels (an
/// odd last row or column is left out); tile 0 is at the top left, 1 beside it.
[[nodiscard]] Tensor mosaic(const Tensor& top_left, const Tensor& top_right,
                            const Tensor& bottom_left, const Tensor& bottom_right);

}  // namespace whence::experiment
