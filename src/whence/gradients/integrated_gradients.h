#pragma once
// Integrated gradients (Sundararajan, Taly, Yan 2017, equation 1).
//
//   A_i = (x_i - x0_i) * integral over a in [0, 1] of d f(x0 + a (x - x0)) / d x_i
//   sum_i A_i = f(x) - f(x0)
//
// Three ways to take the integral: adaptive (default), a fixed rule, or exact for piecewise linear
// networks. See docs/methods/integrated-gradients.md for what each costs.

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"
#include "whence/gradients/quadrature.h"

namespace whence {

struct IntegratedGradientsOptions {
    /// Gradient evaluations of a fixed rule; 0: adaptive, as many as `tolerance` asks for.
    int64_t steps = 0;
    /// The fixed rule; adaptive steps choose their own nodes.
    gradients::QuadratureRule rule = gradients::QuadratureRule::midpoint;
    /// Adaptive: largest |attribution error| / |f(x) - f(x0)|. Fixed and exact: what counts as
    /// converged.
    double tolerance = 1e-3;
    /// Adaptive: gradient evaluations at most.
    int64_t max_steps = 1024;
    /// One gradient for each linear piece of the path: exact to rounding. Piecewise linear networks
    /// (ReLU, max-pooling, ...) only; anything else is refused with Error(unsupported).
    bool exact = false;
    /// Exact: refused with Error(unsupported) if the path crosses more pieces than this.
    int64_t max_pieces = 4096;
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class IntegratedGradients final : public Explainer {
  public:
    using Options = IntegratedGradientsOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for options that make no sense.
    explicit IntegratedGradients(const DifferentiableModel& model,
                                 Baseline baseline = baseline::Zeros{}, Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Baseline baseline_;
    Options options_;
};

}  // namespace whence
