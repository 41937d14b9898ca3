#pragma once
// XRAI (Kapishnikov, Bolukbasi, Viegas, Terry 2019, "XRAI: better attributions through regions",
// algorithm 1).
//
//   1. the mean of integrated gradients from two baselines, the darkest and the brightest image
//      (one number everywhere), and of each pixel the largest value of its channels;
//   2. regions: Felzenszwalb's segmentation at six scales, each segment widened by a few pixels;
//   3. always the region next whose new pixels have the largest mean.
//
// The values are the gains of the regions in that order: mean attribution a pixel, the pixels of a
// region being those that no region before had. They rank; they do not add up to anything (step 1
// takes the largest channel, step 3 the mean). The regions know nothing of the model: what crosses
// their borders is blamed on neither side.
//
// Sizes are given for pictures of 224 x 224 and scale with the area (min_size, least) or its root
// (radius).

#include "whence/core/explainer.h"

namespace whence {

struct XraiOptions {
    int64_t steps = 100;  ///< of integrated gradients, for each of the two baselines
    int64_t min_size = 150;
    int64_t radius = 5;
    int64_t least = 50;  ///< a region that adds fewer pixels is dropped
    /// Name of the explained input; empty: the first one of floating-point numbers.
    std::string input;
};

class Xrai final : public Explainer {
  public:
    using Options = XraiOptions;
    /// `model` must outlive the explainer. Throws Error(usage) for options that make no sense; its
    /// explain also for an input that is no image.
    explicit Xrai(const DifferentiableModel& model, Options options = {});

    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
