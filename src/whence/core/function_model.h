#pragma once
// A function as a model.

#include <functional>

#include "whence/core/model.h"

namespace whence {

/// One input, one output, and the function between them.
///
/// The function is given any number of rows of the input and returns as many of the output, numbers
/// of any floating-point or integer type; they are converted to the output's type, and a vector [N]
/// to [N, 1]. predict throws Error(input) where rows do not fit the input's shape, Error(model) where
/// the function returned something else than it declared.
class FunctionModel final : public Model {
  public:
    using Function = std::function<Tensor(const Tensor& rows, const Run& run)>;
    struct Options {
        int concurrency = 1;            ///< calls at once; 1: from one thread at a time
        int64_t preferred_batch = 256;  ///< rows a call
    };
    /// `input`, `output`: name, type, shape with the batch first and -1 for any length, and for the
    /// output its scale. Throws Error(usage) for text, a shape without a batch or a batch below 1.
    FunctionModel(TensorInfo input, TensorInfo output, Function function, Options options);
    FunctionModel(TensorInfo input, TensorInfo output, Function function)
        : FunctionModel(std::move(input), std::move(output), std::move(function), Options()) {}

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override;
    [[nodiscard]] int concurrency() const override { return options_.concurrency; }
    [[nodiscard]] int64_t preferred_batch() const override { return options_.preferred_batch; }

  private:
    std::vector<TensorInfo> inputs_, outputs_;
    Function function_;
    Options options_;
};

}  // namespace whence
