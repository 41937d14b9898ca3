#pragma once
// Guided Grad-CAM (Selvaraju et al. 2017, section 3.2): guided backpropagation, which is fine but
// the same for every class, where Grad-CAM, which is coarse, says that the class is.
//
//   A = G * ReLU(M) enlarged,   G: gradient of the input with negative gradients stopped at every
//   ReLU (Springenberg et al. 2015), M: the Grad-CAM of the layer
//
// Guided backpropagation mostly redraws edges of the input whatever the weights are (Adebayo et al.
// 2018), and so does this product within the map.

#include <string>

#include "whence/core/explainer.h"

namespace whence {

struct GuidedGradCamOptions {
    /// Tensor of the layer of the Grad-CAM, [N, channels, height, width].
    std::string layer;
};

class GuidedGradCam final : public Explainer {
  public:
    using Options = GuidedGradCamOptions;
    /// `model` must outlive the explainer. Throws Error(usage) where no layer is named.
    explicit GuidedGradCam(const DifferentiableModel& model, Options options);

    /// Values in the shape of the input. Two passes with gradient. Throws Error(unsupported) for
    /// features that are not planes over a picture, or an input that is none.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
