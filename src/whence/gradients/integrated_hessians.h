#pragma once
// Integrated Hessians (Janizek, Sturmfels, Lee 2021, "Explaining explanations: axiomatic feature
// interactions for deep networks"): integrated gradients of integrated gradients.
//
//   d = x - x0,  p(c) = x0 + c d,  g, H: gradient and Hessian of the target
//   G_ij = d_i d_j * integral over c in [0, 1] of (-c ln c) H_ij(p(c))                    i != j
//   G_ii = the same + d_i * integral of (-ln c) g_i(p(c))
//   sum_j G_ij = integrated gradients of i,  sum_ij G_ij = f(x) - f(x0)
//
// The paper has double integrals over a and b of functions of the product c = ab; the product of
// two uniform numbers has the density -ln c, which leaves one integral (ours; it is what makes the
// method affordable). Its weights are integrated exactly over each of n cells, g and H taken at the
// centres.
//
// Columns of H are central differences of gradients, one feature at a time. Networks of ReLUs have
// H = 0 but for kinks, across which the gradient jumps. A difference over s d_j sees a kink from
// every point of the path within about s of it, and with the right weight on average: so a step of
// a quarter, far wider than a cell, finds what a small one misses. The attribution error tells.
//
// Cost: steps * (2 m + 1) gradients for m features that differ from the baseline, 2 forward passes.

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"

namespace whence {

struct IntegratedHessiansOptions {
    int64_t steps = 50;
    /// Step of the differences as a share of x - x0; 0: cbrt(machine epsilon).
    double difference = 0;
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

/// Attribution: the sums of the rows. Interactions: the matrix G, with the main effects in the
/// diagonal.
class IntegratedHessians final : public Explainer {
  public:
    using Options = IntegratedHessiansOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for options that make no sense; its
    /// explain Error(unsupported) for more than 1000 features.
    explicit IntegratedHessians(const DifferentiableModel& model,
                                Baseline baseline = baseline::Zeros{}, Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Baseline baseline_;
    Options options_;
};

}  // namespace whence
