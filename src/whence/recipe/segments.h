#pragma once
// The superpixels of a task's picture.

#include "whence/recipe/methods.h"

namespace whence::recipe {

/// Those given directly, else as the option "segmentation" says; int32 [height, width].
[[nodiscard]] Tensor segments_of(const Task& task, const Tensor& image);

}  // namespace whence::recipe
