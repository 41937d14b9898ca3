#pragma once
// Input times gradient (Shrikumar et al. 2016, "Not just a black box", section 2.3).
//
//   A_i = (x_i - x0_i) * d f(x) / d x_i
//
// With x0 = 0 the method of that paper; in general the first-order Taylor expansion about x read at
// x0, that is, integrated gradients with a single node at the input. It claims f(x) - f(x0), and
// its attribution error is the Taylor remainder: zero for affine models, and for networks of ReLU
// and max-pooling without biases at x0 = 0 (Euler). One gradient pass and one forward pass.

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"

namespace whence {

struct InputXGradientOptions {
    Baseline baseline = baseline::Zeros{};
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class InputXGradient final : public Explainer {
  public:
    using Options = InputXGradientOptions;
    /// `model` must outlive the explainer.
    explicit InputXGradient(const DifferentiableModel& model, Options options = {})
        : model_(model), options_(std::move(options)) {}

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
