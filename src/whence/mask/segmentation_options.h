#pragma once

#include "whence/mask/segmentation.h"

namespace whence {

/// Throws Error(usage) naming the option that makes no sense.
void check_options(const Segmentation& method);

}  // namespace whence
