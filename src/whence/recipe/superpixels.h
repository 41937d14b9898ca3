#pragma once
// The superpixels of a picture, as a task asks for them. Private to this folder.

#include "whence/recipe/methods.h"

namespace whence::recipe {

/// Those given directly, else by the option "segmentation": the label of each pixel of `image`.
[[nodiscard]] Tensor superpixels(const Task& task, const Tensor& image);

}  // namespace whence::recipe
