#pragma once
// What a layer z = g(x) does while the input goes straight from the baseline to x.
//
//   layer conductance    A_j = integral of d f / d z_j * d z_j(x0 + a (x - x0)) / da  over a
//                        (Dhamdhere, Sundararajan, Yan 2019, total conductance: summed over the
//                        inputs)
//   internal influence   A_j = integral of d f / d z_j (x0 + a (x - x0))  over a
//                        (Leino, Sen, Datta, Fredrikson, Li 2018, definition 1, that straight path)
//
// Conductance adds up to f(x) - f(x0) at every layer that separates the model (a bypass around the
// layer takes its share away, which the attribution error shows). It is integrated gradients in the
// space of the layer, along the image of the input's path instead of a straight line. Influence is
// a mean gradient: it says how strongly a unit acts, not how much it did, and adds up to nothing.
//
// Cost: steps + 2 gradients at most. Conductance takes chords between neighbouring points of the
// path with the mean gradient of their ends (trapezoid rule).

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"
#include "whence/gradients/quadrature.h"

namespace whence {

struct LayerConductanceOptions {
    int64_t steps = 50;  ///< chords; one gradient for each, and one more
    /// Name of the input that moves; empty: the first one of floating-point numbers.
    std::string input;
};

class LayerConductance final : public Explainer {
  public:
    using Options = LayerConductanceOptions;
    /// `layer`: the name of a tensor. `model` must outlive the explainer. Throws Error(usage) for
    /// options that make no sense.
    LayerConductance(const DifferentiableModel& model, std::string layer,
                     Baseline baseline = baseline::Zeros{}, Options options = {});
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    std::string layer_;
    Baseline baseline_;
    Options options_;
};

struct InternalInfluenceOptions {
    int64_t steps = 50;
    gradients::QuadratureRule rule = gradients::QuadratureRule::midpoint;
    /// Name of the input that moves; empty: the first one of floating-point numbers.
    std::string input;
};

class InternalInfluence final : public Explainer {
  public:
    using Options = InternalInfluenceOptions;
    /// As LayerConductance.
    InternalInfluence(const DifferentiableModel& model, std::string layer,
                      Baseline baseline = baseline::Zeros{}, Options options = {});
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    std::string layer_;
    Baseline baseline_;
    Options options_;
};

}  // namespace whence
