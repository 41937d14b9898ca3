#pragma once
// Tables and formulas for tests of global views.

#include <cmath>

#include "perturb/fake_models.h"
#include "whence/core/rng.h"
#include "whence/global/task.h"

namespace whence::global::test {

using testing::FormulaModel;

/// A table, a formula over it, and the task that asks one about the other.
struct Example {
    Schema schema;
    Tensor rows;
    FormulaModel model;
    Task task;

    Example(int64_t columns, const std::vector<double>& values, FormulaModel::Formula formula,
            int64_t batch = 64)
        : schema(columns),
          rows(Tensor::of<double>({std::ssize(values) / columns, columns}, values)),
          model({-1, columns}, ElementType::float64, std::move(formula), batch),
          task{model, schema, rows, {.output = "y"}} {
        for (int64_t i = 0; i < columns; ++i) schema[i].name = std::string("c") + std::to_string(i);
    }
    Example(const Example&) = delete;
};

/// Independent numbers, uniform from -1 to 1.
inline std::vector<double> uniform_rows(int64_t rows, int64_t columns) {
    std::vector<double> out(rows * columns);
    for (size_t i = 0; i < out.size(); ++i) out[i] = 2 * Rng(3, 1, i).uniform() - 1;
    return out;
}

}  // namespace whence::global::test
