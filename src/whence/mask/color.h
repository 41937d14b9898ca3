#pragma once
// From RGB to the CIE L*a*b* space, where distances are near to what the eye sees.

#include "whence/mask/segmentation_image.h"

namespace whence::superpixel {

/// sRGB (IEC 61966-2-1) in [0, 1] to L*a*b* under D65 and the 2 degree observer, in place: the
/// constants of skimage.color.rgb2lab.
void rgb_to_lab(Planes& image, const Run& run);

}  // namespace whence::superpixel
