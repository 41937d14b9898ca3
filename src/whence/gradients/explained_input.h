#pragma once
// The input a gradient is taken with respect to: chosen and checked once, for every method.

#include <string>

#include "whence/core/explanation.h"
#include "whence/core/model.h"

namespace whence::gradients {

/// One named input of a model together with the row that is explained.
struct ExplainedInput {
    std::string name;               ///< as in Model::inputs()
    size_t position = 0;            ///< in the caller's batch
    const Tensor* value = nullptr;  ///< borrowed from the caller's batch; one row, finite
    ElementType precision = ElementType::float32;  ///< of the model's numbers: the coarser of both
    bool held_constant = false;  ///< the model has further inputs, which stay as they are
};

/// The input called `name`, or with an empty name the model's first one of float32 or float64.
/// Throws Error(usage) for a name that does not exist, Error(unsupported) where no input can have a
/// gradient, Error(input) unless the batch holds exactly one row of finite numbers.
[[nodiscard]] ExplainedInput choose_input(const DifferentiableModel& model, const Batch& input,
                                          const std::string& name);

/// Throws Error(input): "WHAT holds NaN at position 17".
void check_finite(const Tensor& values, const std::string& what);
/// Throws Error(model): "the model returned NaN as its WHAT".
void check_model_number(double value, const char* what);

/// The target before the model has run: where no class is asked for, the model finds the top one
/// itself during its first pass, and settle() writes it down.
class OpenTarget {
  public:
    /// Runs the model only where its output has a length that only running tells.
    OpenTarget(const Target& target, const DifferentiableModel& model, const Batch& input,
               const Run& run);

    /// For the first pass; afterwards with the class it found.
    [[nodiscard]] GradientRequest request() const;
    /// `first`: the result of the first pass, one row.
    void settle(const GradientResult& first);
    [[nodiscard]] const ResolvedTarget& resolved() const { return resolved_; }
    /// Forward passes spent on finding the length.
    [[nodiscard]] int64_t evaluations() const { return evaluations_; }

  private:
    ResolvedTarget resolved_;
    bool open_ = false;
    int64_t evaluations_ = 0;
};

/// `values` as float32, or as float64 where the input is, in the shape of the input.
[[nodiscard]] Tensor attribution_tensor(std::span<const double> values, const Tensor& input);

/// What every gradient method writes down alike: method, seed, version, and a note where other
/// inputs were held constant.
void fill_common(Explanation& explanation, const char* method, const ExplainedInput& input,
                 const Run& run);

}  // namespace whence::gradients
