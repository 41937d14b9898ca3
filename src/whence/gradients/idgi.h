#pragma once
// Important direction gradient integration (Yang, Wang, Bilgic 2023, "IDGI").
//
//   A_i = sum over k of (f(x_{k+1}) - f(x_k)) * g_i(x_k)^2 / |g(x_k)|^2,   x_k = x0 + k/n (x - x0)
//
// Each change of the output along the straight path is shared out by squared gradient: only the
// part of a step along the gradient changes the output, so noise across it is left out. The sum
// telescopes to f(x) - f(x0) for any number of steps, so the attribution error is zero by
// construction and says nothing about the map. It is no integral: with more steps the values do not
// tend to integrated gradients, and the distance of a feature from its baseline plays no part. n
// gradients, 2 forward passes.

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"

namespace whence {

struct IdgiOptions {
    int64_t steps = 50;
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class Idgi final : public Explainer {
  public:
    using Options = IdgiOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for options that make no sense.
    explicit Idgi(const DifferentiableModel& model, Baseline baseline = baseline::Zeros{},
                  Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Baseline baseline_;
    Options options_;
};

}  // namespace whence
