#pragma once
// Small tables and models whose rules are known.

#include <functional>

#include "perturb/fake_models.h"
#include "whence/anchors/tabular_sampler.h"
#include "whence/core/rng.h"

namespace whence::testing {

inline Tensor table_of(const std::vector<std::vector<double>>& rows) {
    std::vector<double> values;
    for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
    return Tensor::of<double>(
        {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())}, values);
}

inline Batch row_of(const std::vector<double>& values) {
    return Batch({{"x", Tensor::of<double>({1, static_cast<int64_t>(values.size())}, values)}});
}

/// `rows` rows of independent uniform numbers.
inline Tensor uniform_table(int64_t rows, int64_t columns, uint64_t seed) {
    Tensor out(ElementType::float64, {rows, columns});
    Rng rng(seed, 1, 0);
    for (double& value : out.as<double>()) value = rng.uniform();
    return out;
}

inline Schema numbers(int64_t columns) {
    Schema schema;
    for (int64_t c = 0; c < columns; ++c) {
        schema.push_back({.name = "c"});
        schema.back().name += std::to_string(c);
    }
    return schema;
}

/// A model of two classes: class 1 where `says` is true.
class ClassModel : public FormulaModel {
  public:
    using Says = std::function<bool(std::span<const double>)>;
    ClassModel(Shape row, Says says)
        : FormulaModel(std::move(row), ElementType::float64, [](auto) { return 0.0; }),
          outputs_{{.name = "y",
                    .type = ElementType::float64,
                    .shape = {-1, 2},
                    .scale = Scale::probability}},
          says_(std::move(says)) {}

    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override {
        run.check();
        const Tensor& rows = inputs.at("x");
        const std::vector<double> values = rows.to_doubles();
        Tensor scores(ElementType::float64, {rows.rows(), 2});
        for (int64_t row = 0; row < rows.rows(); ++row) {
            const bool yes = says_(
                {values.data() + row * rows.row_size(), static_cast<size_t>(rows.row_size())});
            scores.as<double>()[2 * row] = yes ? 0.1 : 0.9;
            scores.as<double>()[2 * row + 1] = yes ? 0.9 : 0.1;
        }
        asked += rows.rows();
        return Batch({{"y", std::move(scores)}});
    }

  private:
    std::vector<TensorInfo> outputs_;
    Says says_;
};

}  // namespace whence::testing
