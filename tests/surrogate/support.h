#pragma once
// Tables with known answers for tests of surrogates.

#include <cmath>
#include <functional>

#include "whence/core/rng.h"
#include "whence/surrogate/task.h"

namespace whence::surrogate::test {

struct Example {
    Schema schema;
    Tensor rows;
    std::vector<double> values, weights;

    Example(int64_t columns, const std::vector<double>& cells,
            const std::function<double(std::span<const double>)>& formula)
        : schema(columns), rows(Tensor::of<double>({std::ssize(cells) / columns, columns}, cells)) {
        for (int64_t i = 0; i < columns; ++i) schema[i].name = std::string("c") + std::to_string(i);
        for (int64_t i = 0; i < rows.rows(); ++i)
            values.push_back(formula({cells.data() + i * columns, static_cast<size_t>(columns)}));
    }
    [[nodiscard]] Answers answers(bool probabilities = false) const {
        return {schema, rows, values, weights, probabilities};
    }
    [[nodiscard]] Split all() const {
        Split out;
        for (int64_t i = 0; i < rows.rows(); ++i) out.training.push_back(i);
        out.test = out.training;
        return out;
    }
};

inline std::vector<double> uniform_rows(int64_t rows, int64_t columns) {
    std::vector<double> out(rows * columns);
    for (size_t i = 0; i < out.size(); ++i) out[i] = 2 * Rng(3, 1, i).uniform() - 1;
    return out;
}

}  // namespace whence::surrogate::test
