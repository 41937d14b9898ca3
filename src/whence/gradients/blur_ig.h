#pragma once
// Blur integrated gradients (Xu, Venugopalan, Sundararajan 2020, "Attribution in scale and space").
//
//   A_i = integral over s from max_sigma to 0 of d f(p(s)) / d p_i * d p_i(s) / ds,
//   p(s) = the image under a Gaussian of s pixels
//   sum_i A_i = f(x) - f(p(max_sigma))          up to the discretisation
//
// The baseline comes with the method: the image itself, blurred. So it invents no colours, but a
// model that still recognises the blurred image gets only the rest explained: see f(baseline).
// Edges are repeated when blurring, which keeps their brightness (the authors' code fills with
// black). The points are s_k = max_sigma (1 - k/n)^2, denser where the image changes faster. steps
// + 1 gradients and one forward pass.

#include "whence/core/explainer.h"

namespace whence {

struct BlurIgOptions {
    int64_t steps = 100;
    double max_sigma = 50;  ///< pixels
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class BlurIg final : public Explainer {
  public:
    using Options = BlurIgOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for options that make no sense; its
    /// explain also for an input that is no image.
    explicit BlurIg(const DifferentiableModel& model, Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
