#pragma once
// Occlusion: what the answer loses when a part of the input is covered (Zeiler & Fergus 2014,
// "Visualizing and understanding convolutional networks", section 4.2).
//
// Images, by window:   value(pixel) = mean over windows W covering it of  f(x) - f(x with W
// covered), the average captum takes too. Images by segment, and tables: value(player) = f(x) - f(x
// without it). Cost: one evaluation for each window or player, and two.

#include <optional>

#include "whence/core/baseline.h"
#include "whence/core/explainer.h"
#include "whence/core/schema.h"
#include "whence/mask/masker.h"

namespace whence {

struct OcclusionOptions {
    /// Pixels; 0: an eighth of the side, at least 1. Windows lie every `stride` pixels from the
    /// left and upper edge; at the far edges they are cut. 0: half the window, at least 1.
    int64_t window_height = 0, window_width = 0;
    int64_t stride_height = 0, stride_width = 0;
    /// Cover these instead of windows: integers [height, width], one label for each pixel.
    std::optional<Tensor> segments;
    /// For rows [1, columns] of a table: names and displays of the columns. May be empty.
    Schema schema;
};

/// An image (4-D, see image_axes) gives one value for each pixel, [1, height, width], or for each
/// segment; rows of a table one for each column. No claim to completeness: values of parts that act
/// together count their common effect once each.
class Occlusion : public Explainer {
  public:
    /// `model` must outlive this. Throws Error(usage) for a negative window or a stride larger than
    /// its window (pixels between windows would have no value).
    Occlusion(const Model& model, Baseline baseline, OcclusionOptions options = {});
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    Baseline baseline_;
    OcclusionOptions options_;
};

/// f(x) - f(x without it) for each player of `masker` (words), named as it names them. `hidden` says
/// in words what stands for a missing player. Throws Error(input) for no players.
[[nodiscard]] Explanation occlude_players(const Model& model, const Masker& masker,
                                          const std::string& hidden, const Batch& input,
                                          const Target& target, const Run& run);

}  // namespace whence
