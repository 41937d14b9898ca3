#pragma once
// Ablation-CAM (Desai and Ramaswamy 2020): a channel counts as much as the score falls without it.
//
//   M = sum_k w_k A^k,   w_k = (y - y_k) / y,   y_k: the score with channel k set to zero
//
// Needs no gradient: one forward pass through the part of the model above the layer for each
// channel. The division by y turns the map's sign where the score is negative.

#include <string>

#include "whence/core/explainer.h"

namespace whence {

struct AblationCamOptions {
    /// Tensor of the explained layer, [N, channels, height, width].
    std::string layer;
};

class AblationCam final : public Explainer {
  public:
    using Options = AblationCamOptions;
    /// `model` must outlive the explainer. Throws Error(usage) where no layer is named.
    explicit AblationCam(const DifferentiableModel& model, Options options);

    /// Values [1, 1, h, w]: the signed map. Throws Error(unsupported) for features that are not
    /// planes over a picture, for a model that cannot be cut at the layer, and where the score is
    /// zero.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
