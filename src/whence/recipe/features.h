#pragma once
// What a gradient method explains: the model's input, or the features of a layer.

#include <string>

#include "whence/recipe/methods.h"

namespace whence::recipe {

/// The model's input as a gradient method takes it. Throws Error(unsupported) where the model reads
/// one input for each column, or text.
[[nodiscard]] const Batch& differentiable_input(const Task& task);

/// The task as seen from its layer: the part of the model above it, the layer's features as that
/// part's input, and the features of the baseline. Without a layer the model, input and baseline as
/// they are.
///
/// The features of the baseline are, by default, those of the baseline input (input-determined, so
/// that the target f(x) - f(x0) is the same at every layer); "features:..." gives them directly.
class Features {
  public:
    /// Runs the part below the layer. Throws as DifferentiableModel::split.
    explicit Features(const Task& task);

    [[nodiscard]] const DifferentiableModel& model() const;
    [[nodiscard]] const Batch& input() const { return input_; }
    [[nodiscard]] const Baseline& baseline() const { return baseline_; }
    /// For methods that average over baselines: all rows of the set, [R, ...]; a single baseline is a
    /// set of one.
    [[nodiscard]] Tensor background() const;
    /// Writes down whose features the values belong to.
    [[nodiscard]] Explanation name(Explanation explanation) const;

  private:
    const Task& task_;
    Split parts_;
    Batch input_;
    Baseline baseline_;
};

}  // namespace whence::recipe
