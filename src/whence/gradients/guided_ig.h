#pragma once
// Guided integrated gradients (Kapishnikov et al. 2021, "Guided integrated gradients: an adaptive
// path method for removing noise", algorithm 1).
//
//   A_i = integral of d f(p) / d p_i  d p_i   along a path p of the method's own
//   sum_i A_i = f(x) - f(x0)          up to the discretisation
//
// At every step the features with the smallest gradients move first, so that the path goes round
// where the model reacts sharply. Before step s of n every feature must lie within `max_distance`
// of the fraction s/n of its way; among those not yet at its upper end the `fraction` with the
// smallest |gradient| moves, as far as it takes to bring |x - p|_1 down to (1 - s/n) |x - x0|_1.
//
// The path depends on the model and the class, so maps of two classes are integrals along two
// different paths. One gradient a step, and each step must wait for the one before: no batches.

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"

namespace whence {

struct GuidedIgOptions {
    int64_t steps = 200;
    double fraction = 0.25;
    double max_distance = 0.02;
    /// Each step's move times the gradient before it, as the authors' code; else the mean of those
    /// before and after.
    bool compatible = false;
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class GuidedIg final : public Explainer {
  public:
    using Options = GuidedIgOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for options that make no sense.
    explicit GuidedIg(const DifferentiableModel& model, Baseline baseline = baseline::Zeros{},
                      Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Baseline baseline_;
    Options options_;
};

}  // namespace whence
