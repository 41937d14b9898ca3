#pragma once
// Gradients over noisy copies of the input x + e, e ~ N(0, (noise * (max x - min x))^2).
//
//   mean      E g(x + e)     SmoothGrad (Smilkov, Thorat, Kim, Viegas, Wattenberg 2017)
//   square    E g(x + e)^2   SmoothGrad-squared (Hooker, Erhan, Kindermans, Kim 2019)
//   variance  V g(x + e)     VarGrad (Adebayo et al. 2018, "Local explanation methods ..."; divided
//                            by the number of samples)
//
// Like the gradient they answer what a small change would do, here averaged over a neighbourhood;
// none of them says where the score comes from, so none has an attribution error. Mean and square
// carry the standard error of every value. One gradient a sample, and one forward pass.

#include "whence/core/explainer.h"

namespace whence {

struct SmoothGradOptions {
    enum class Statistic { mean, square, variance };
    Statistic statistic = Statistic::mean;
    int64_t samples = 25;
    /// Standard deviation of the noise as a share of the input's largest minus smallest number.
    double noise = 0.15;
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class SmoothGrad final : public Explainer {
  public:
    using Options = SmoothGradOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for options that make no sense.
    explicit SmoothGrad(const DifferentiableModel& model, Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
