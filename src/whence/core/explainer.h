#pragma once
// One verb. A method's constructor takes the capability it needs, so a wrong pairing does not compile.

#include "whence/core/explanation.h"
#include "whence/core/model.h"

namespace whence {

/// Explains the prediction for one row of input. const and safe to call from several threads as far
/// as the model allows. Throws Error(input) for a wrong shape or NaN, Error(unsupported) where the
/// method cannot explain the model; a poor result is no error but stated in Diagnostics.
class Explainer {
 public:
    virtual ~Explainer() = default;
    [[nodiscard]] virtual Explanation explain(const Batch& input, const Target& target,
                                              const Run& run) const = 0;
};

}  // namespace whence
