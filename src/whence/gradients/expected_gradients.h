#pragma once
// Expected gradients (Erion, Janizek, Sturmfels, Lundberg, Lee 2021), also known as
// GradientSHAP (Lundberg's shap; captum).
//
//   A_i = E over x0 ~ background, a ~ U(0, 1) of (x_i - x0_i) d f(x0 + a (x - x0)) / d x_i
//   sum_i A_i = f(x) - E f(x0)        in expectation
//
// Integrated gradients averaged over baselines, by one gradient for each random pair (x0, a). The
// pairs share out rows and the way, which leaves less to chance; the standard errors, of every
// value and in a note of the sum, are those of independent pairs, and so upper bounds. With noise >
// 0 each sample explains x + e instead of x, e as SmoothGrad's: GradientSHAP's smoothing, which
// moves the sum to E f(x + e) - E f(x0).
//
// Cost: one gradient a sample, one forward pass for the input and for every row of the background.

#include "whence/core/explainer.h"

namespace whence {

struct ExpectedGradientsOptions {
    int64_t samples = 200;
    /// Standard deviation of the noise as a share of the input's largest minus smallest number.
    double noise = 0;
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class ExpectedGradients final : public Explainer {
  public:
    using Options = ExpectedGradientsOptions;
    /// `background`: rows shaped as the input [R, ...]; `description` is what the result calls it.
    /// `model` must outlive the explainer. Throws Error(usage) for options that make no sense.
    ExpectedGradients(const DifferentiableModel& model, Tensor background, std::string description,
                      Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Tensor background_;
    std::string description_;
    Options options_;
};

}  // namespace whence
