#pragma once
// Guided backpropagation and deconvolution: the gradient with another rule at every ReLU y = max(u,
// 0), whose input gets from the gradient R above it
//
//   gradient        R [u > 0]
//   deconvolution   R [R > 0]            Zeiler, Fergus 2014, section 2.1
//   guided          R [u > 0] [R > 0]    Springenberg et al. 2015, figure 1
//
// The pictures are crisp because negative influence is thrown away at every layer. What is left is
// not the gradient of the model nor of any other function, so it adds up to nothing, and with depth
// it depends ever less on the class (Adebayo et al. 2018, "Sanity checks"; Nie, Zhang, Patel 2018):
// it shows what the network sees, rather than why it decides. One pass forward and backward.

#include "whence/core/explainer.h"

namespace whence {

struct ReluRulesOptions {
    /// Rules::guided or Rules::deconvolution.
    Rules rules = Rules::guided;
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class ReluRules final : public Explainer {
  public:
    using Options = ReluRulesOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for other rules.
    explicit ReluRules(const DifferentiableModel& model, Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
