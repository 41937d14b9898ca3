#pragma once
// Taylor attributions: the change from the baseline to the input, read off one point between them.
//
//   p = x0 + t d,  d = x - x0,  t = 1 (about the input), 0 (the baseline) or 1/2 (the midpoint)
//   order 1:  A_i = d_i g_i(p)
//   order 2:  A_i = d_i g_i(p) + (1/2 - t) d_i (H(p) d)_i
//
// Both ends are expanded about p and subtracted, hence 1/2 - t: about the midpoint the second-order
// terms cancel, and order 1 is of order 2 already. Interactions are shared in halves. Order 1 about
// the input is input x gradient; many midpoints in a chain are integrated gradients. (Our own
// derivation, docs/methods/taylor.md.) It claims f(x) - f(x0); its attribution error is the
// remainder, of order |d|^2 (order 1), |d|^3 (order 2, and the midpoint).
//
// H d is a central difference of gradients along d, with a step of cbrt(machine epsilon) |d|: two
// more gradients. Networks of ReLUs have H = 0 wherever it exists, so there order 2 only sees the
// kinks inside that step.

#include <string_view>

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"

namespace whence {

struct TaylorOptions {
    enum class About { input, baseline, midpoint };
    About about = About::midpoint;
    int64_t order = 1;  ///< 1 or 2
    Baseline baseline = baseline::Zeros{};
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;

    /// "input", "baseline" or "midpoint". Throws Error(usage) naming the choices.
    [[nodiscard]] static About parse_about(std::string_view text);
};

class Taylor final : public Explainer {
  public:
    using Options = TaylorOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for an order other than 1 and 2.
    explicit Taylor(const DifferentiableModel& model, Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
