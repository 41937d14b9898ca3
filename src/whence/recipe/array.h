#pragma once
// Arrays as people hold them, turned into what a model's input reads.

#include "whence/recipe/subject.h"

namespace whence::recipe {

struct FittedArray {
    Tensor array;         ///< [rows, ...] of the input's type
    bool batched = true;  ///< false: one row was given, without the leading dimension
    double white =
        1;  ///< what full brightness is: 255 for 8-bit pixels that the model reads as such
};

/// For a model with one input; Error(usage) for one with several. Where the array does not fit as
/// it stands, a leading dimension of 1 is added, pictures with channels last are turned for a model
/// that reads channels first (and the other way round), and a grey picture gets its one channel.
/// Numbers of any type become what the model reads if that is floating-point; 8-bit pixels of a
/// model with preprocessing are divided by 255. An array that fits in no way comes back as it is:
/// the model says what is wrong with it.
[[nodiscard]] FittedArray fit_array(const Subject& subject, Tensor array);

}  // namespace whence::recipe
