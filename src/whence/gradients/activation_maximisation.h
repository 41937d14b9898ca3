#pragma once
// Activation maximisation, or feature visualisation: an input that the target likes, by gradient
// ascent (Erhan, Bengio, Courville, Vincent 2009, "Visualizing higher-layer features of a deep
// network"; Simonyan, Vedaldi, Zisserman 2014, section 2), kept plausible by decay and blur
// (Yosinski, Clune, Nguyen, Fuchs, Lipson 2015).
//
//   p <- p + rate r g(p) / rms(g(p))        r: largest minus smallest number of the input
//   p <- m + (1 - decay) (p - m)            m: the input's mean
//   p <- blur(p), every blur_every steps    of images
//   p <- clipped to the range of the input
//
// It starts from noise about m. Of the input it takes range, mean and shape, and the class where
// none is named; its content plays no part. The values of the result are the input found, not
// attributions: they add up to nothing. It shows one of many inputs that the model likes, and what
// decay and blur let through. steps gradients, 2 forward passes.

#include "whence/core/explainer.h"

namespace whence {

struct ActivationMaximisationOptions {
    int64_t steps = 200;
    double rate = 0.01;
    double decay = 0.01;
    double blur = 0.5;  ///< pixels; 0: never
    int64_t blur_every = 4;
    /// Name of the input that is sought; empty: the first one of floating-point numbers.
    std::string input;
};

class ActivationMaximisation final : public Explainer {
  public:
    using Options = ActivationMaximisationOptions;
    /// `model` must outlive the explainer; for the unit of a layer it is the part below the layer
    /// (DifferentiableModel::split). Throws Error(usage) for options that make no sense.
    explicit ActivationMaximisation(const DifferentiableModel& model, Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
