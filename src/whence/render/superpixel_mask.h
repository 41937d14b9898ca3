#pragma once
// The superpixels that matter, cut out of their picture (the lime package's get_image_and_mask).

#include "whence/core/explanation.h"
#include "whence/render/picture.h"

namespace whence::render {

struct MaskOptions {
    bool positive_only = true;   ///< superpixels that speak for the target alone
    bool negative_only = false;  ///< those that speak against it alone
    bool hide_rest = false;      ///< the rest of the picture is black
    int64_t num_features = 5;    ///< at most this many superpixels, the largest |weight| first
    double min_weight = 0;       ///< and none whose |weight| is less
};

struct ImageAndMask {
    /// float64 [H, W, C], C at least 3, in the units of the picture. With neither positive_only nor
    /// negative_only the chosen superpixels have the picture's largest value in the red channel
    /// where they speak against the target, in the green one where they speak for it.
    Tensor image;
    Tensor mask;  ///< int32 [H, W]: 1 chosen, -1 chosen and against (both signs shown), 0 the rest
};

/// `image`: what the model saw, [1, H, W, C] or [1, C, H, W]; grey becomes three channels. Weights
/// of 0 are never chosen. Throws Error(usage) for an explanation without superpixels, for
/// positive_only with negative_only, or fewer than 1 feature; Error(input) where sizes do not fit.
[[nodiscard]] ImageAndMask image_and_mask(const Explanation& explanation, const Tensor& image,
                                          const MaskOptions& options = {});

/// The same as a picture, enlarged where it is small, boundaries of what was chosen in yellow.
/// `image` in [0, 1].
[[nodiscard]] Picture mask_picture(const Explanation& explanation, const Tensor& image,
                                   const MaskOptions& options = {});

}  // namespace whence::render
