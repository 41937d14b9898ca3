#pragma once
// Models that are a formula, for tests of methods that only ask.

#include <functional>
#include <span>

#include "whence/core/error.h"
#include "whence/core/model.h"

namespace whence::testing {

/// One input, one score for each row: f(row).
class FormulaModel : public Model {
  public:
    using Formula = std::function<double(std::span<const double>)>;
    FormulaModel(Shape row, ElementType type, Formula formula, int64_t batch = 64)
        : inputs_{{.name = "x", .type = type, .shape = row}},
          outputs_{{.name = "y", .type = ElementType::float64, .shape = {-1, 1}}},
          formula_(std::move(formula)),
          batch_(batch) {}

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return batch_; }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override {
        run.check();
        const Tensor& rows = inputs.at("x");
        const std::vector<double> values = rows.to_doubles();
        Tensor scores(ElementType::float64, {rows.rows(), 1});
        for (int64_t row = 0; row < rows.rows(); ++row)
            scores.as<double>()[row] = formula_(
                {values.data() + row * rows.row_size(), static_cast<size_t>(rows.row_size())});
        asked += rows.rows();
        return Batch({{"y", std::move(scores)}});
    }

    mutable int64_t asked = 0;

  private:
    std::vector<TensorInfo> inputs_, outputs_;
    Formula formula_;
    int64_t batch_;
};

/// Another model, until it has answered `enough` rows: then it is out of reach.
class LeavingModel : public Model {
  public:
    LeavingModel(const Model& inner, int64_t enough) : inner_(inner), enough_(enough) {}
    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inner_.inputs(); }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return inner_.outputs(); }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return inner_.preferred_batch(); }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override {
        if (answered_ + inputs.rows() > enough_)
            throw OutOfReach(ErrorKind::io, "the endpoint is gone");
        answered_ += inputs.rows();
        return inner_.predict(inputs, run);
    }

  private:
    const Model& inner_;
    int64_t enough_;
    mutable int64_t answered_ = 0;
};

}  // namespace whence::testing
