#pragma once
// Score-CAM (Wang et al. 2020): a channel counts as much as the input survives under its mask.
//
//   M = sum_k w_k A^k,   w = softmax over k of y(x0 + m^k (x - x0)),
//   m^k = (U^k - min U^k) / (max U^k - min U^k + 1e-8),   U^k = A^k enlarged to the input
//   (bilinear)
//
// The paper masks towards zero where the model reads (baseline `model-zeros` for a model that
// normalises its pixels). Needs no gradient, but one forward pass for each channel. A softmax over
// raw scores is sharp: often a few channels take all of the weight.

#include <string>

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"

namespace whence {

struct ScoreCamOptions {
    /// Tensor of the explained layer, [N, channels, height, width].
    std::string layer;
    /// What masked pixels become.
    Baseline baseline = baseline::Zeros{};
};

class ScoreCam final : public Explainer {
  public:
    using Options = ScoreCamOptions;
    /// `model` must outlive the explainer. Throws Error(usage) where no layer is named.
    explicit ScoreCam(const DifferentiableModel& model, Options options);

    /// Values [1, 1, h, w]: the signed map. Throws Error(unsupported) for features that are not
    /// planes over a picture, or an input that is none.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
