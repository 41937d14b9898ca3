#pragma once
// The superpixels of a picture as it is explained.

#include "whence/mask/segmentation.h"
#include "whence/recipe/methods.h"

namespace whence::recipe {

/// Those given directly, else by the option "segmentation": the label of each pixel of `image`.
[[nodiscard]] Tensor superpixels(const Task& task, const Tensor& image);
/// The same of a picture in either layout whose full brightness is `white`.
[[nodiscard]] Tensor superpixels(const Tensor& image, double white, const Segmentation& method,
                                 const Run& run);

}  // namespace whence::recipe
