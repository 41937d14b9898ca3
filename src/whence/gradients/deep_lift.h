#pragma once
// DeepLIFT, rescale rule (Shrikumar, Greenside, Kundaje 2017, section 3.5.2), and DeepSHAP, its
// mean over a background (Lundberg, Lee 2017, section 4.2).
//
//   A_i = (x_i - x0_i) m_i,    m: the gradient with (y - y0) / (u - u0) in place of s'(u) at every
//                              nonlinear y = s(u), input and baseline run together
//   sum_i A_i = f(x) - f(x0)                        DeepSHAP: mean over x0 of both sides
//
// Exact where every operator's rule is exact; the attribution error says where one is not. One pass
// forward and backward for each baseline.

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"

namespace whence {

struct DeepLiftOptions {
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class DeepLift final : public Explainer {
  public:
    using Options = DeepLiftOptions;
    /// Compared with one baseline. `model` must outlive the explainer.
    explicit DeepLift(const DifferentiableModel& model, Baseline baseline = baseline::Zeros{},
                      Options options = {});
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Baseline baseline_;
    Options options_;
};

class DeepShap final : public Explainer {
  public:
    using Options = DeepLiftOptions;
    /// Compared with every row of `background` [R, ...]; `description` is what the result calls it.
    DeepShap(const DifferentiableModel& model, Tensor background, std::string description,
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
