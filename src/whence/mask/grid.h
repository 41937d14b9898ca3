#pragma once

#include "whence/mask/segmentation.h"
#include "whence/mask/segmentation_image.h"

namespace whence::superpixel {

/// Which rectangle each pixel is in.
[[nodiscard]] Labels grid_labels(int64_t height, int64_t width, const Grid& options);

}  // namespace whence::superpixel
