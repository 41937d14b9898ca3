#pragma once
// Eigen-CAM (Muhammad and Yeasin 2020): what the features of a layer have most in common.
//
//   M = A v,   A [positions, channels] with the mean of each channel taken off,
//   v: its first right singular vector
//
// It looks at the input's features alone and never at the target: two classes get one map. A
// singular vector has no sign of its own; here the one that goes with the sum of all features.

#include <string>

#include "whence/core/explainer.h"

namespace whence {

struct EigenCamOptions {
    /// Tensor of the explained layer, [N, channels, height, width].
    std::string layer;
};

class EigenCam final : public Explainer {
  public:
    using Options = EigenCamOptions;
    /// `model` must outlive the explainer. Throws Error(usage) where no layer is named.
    explicit EigenCam(const DifferentiableModel& model, Options options);

    /// Values [1, 1, h, w]. One forward pass. Throws Error(unsupported) for features that are not
    /// planes over a picture, Error(limit) where both channels and positions exceed 2048.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
