#pragma once
// One pass that returns what a model holds at its layers: values, and gradients of the target.

#include <span>
#include <string>
#include <vector>

#include "whence/core/evaluator.h"
#include "whence/core/explanation.h"
#include "whence/core/model.h"

namespace whence::gradients {

struct LayerPass {
    ResolvedTarget target;
    double value = 0;                       ///< f(x)
    std::vector<Tensor> values, gradients;  ///< of the layers, in order
    int64_t evaluations = 0;                ///< forward passes spent on settling the target
    int64_t gradient_evaluations = 0;
};

enum class With { values, values_and_gradients };
/// Tensors whose values, and those whose gradients are wanted.
struct Wanted {
    std::vector<std::string> values, gradients;
};

/// Throws Error(input) unless the batch holds exactly one row of finite numbers, Error(usage) for a
/// layer that does not exist, Error(unsupported) for one on which the target does not depend,
/// Error(model) where what the layers hold is no number.
[[nodiscard]] LayerPass pass_through(const DifferentiableModel& model, const Batch& input,
                                     const Target& target, const std::vector<std::string>& layers,
                                     With with, const Run& run);
[[nodiscard]] LayerPass pass_through(const DifferentiableModel& model, const Batch& input,
                                     const Target& target, const Wanted& wanted, const Run& run);

/// The target of `count` inputs made on the fly, batch by batch, starting from copies of `input`:
/// as Evaluator::scores, but the very scalar that gradients are taken of, to the last constant.
[[nodiscard]] std::vector<double> forward_targets(const DifferentiableModel& model,
                                                  const ResolvedTarget& target, const Batch& input,
                                                  int64_t count, const FillRows& fill,
                                                  std::string_view what, const Run& run);

/// The part of a model above a layer, to be asked with other features than the input's.
class AboveLayer {
  public:
    /// `input`: the model's input, from which comes what bypasses the layer; `features`: the
    /// layer's own, one row. Throws as DifferentiableModel::split.
    AboveLayer(const DifferentiableModel& model, const std::string& layer, const Batch& input,
               const Tensor& features);
    [[nodiscard]] const DifferentiableModel& model() const { return *above_; }
    /// One row: the features first.
    [[nodiscard]] const Batch& input() const { return input_; }
    /// Something bypasses the layer: other features then leave it as it is.
    [[nodiscard]] bool bypassed() const { return input_.size() > 1; }

  private:
    std::unique_ptr<DifferentiableModel> above_;
    Batch input_;
};

}  // namespace whence::gradients
