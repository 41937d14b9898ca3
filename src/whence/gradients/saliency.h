#pragma once
// The plain gradient of the target (Simonyan, Vedaldi, Zisserman 2014, section 3).
//
//   A_i = d f(x) / d x_i        absolute: |d f(x) / d x_i|
//
// Its baseline is a point infinitesimally near x: it tells what a small change would do, not where
// the score comes from. One gradient pass, in which the model also finds the top class.

#include "whence/core/explainer.h"

namespace whence {

struct SaliencyOptions {
    /// Magnitude only, as captum's Saliency does and as the paper draws it.
    bool absolute = true;
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class Saliency final : public Explainer {
  public:
    using Options = SaliencyOptions;
    /// `model` must outlive the explainer.
    explicit Saliency(const DifferentiableModel& model, Options options = {})
        : model_(model), options_(std::move(options)) {}

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
