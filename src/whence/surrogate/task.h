#pragma once
// A table and what a model said of it: all that distillation needs to know.

#include <functional>
#include <span>
#include <vector>

#include "whence/core/global_view.h"
#include "whence/core/run.h"

namespace whence::surrogate {

/// Rows and answers, borrowed. A value may be NaN (missing).
struct Answers {
    const Schema& schema;
    const Tensor& rows;               ///< float64 [rows, columns]
    std::span<const double> values;   ///< f(x) of each row, finite
    std::span<const double> weights;  ///< of each row, 0 or more; empty: all 1
    bool probabilities = false;       ///< values are probabilities: agreement is measured

    [[nodiscard]] int64_t columns() const { return static_cast<int64_t>(schema.size()); }
    [[nodiscard]] std::span<const double> row(int64_t i) const {
        return rows.as<double>().subspan(i * columns(), columns());
    }
    [[nodiscard]] double weight(int64_t i) const { return weights.empty() ? 1 : weights[i]; }
};

/// Throws Error(input) for shapes that do not fit, answers that are no finite numbers (naming the
/// row), negative weights, or nothing to learn from.
void check(const Answers& answers);

/// Rows to learn from and rows to measure on, drawn with run.seed: a quarter is held out; of fewer
/// than 20 rows none is, and the fidelity is that of the rows learned from.
struct Split {
    std::vector<int64_t> training, test;
    bool held_out = false;
};
[[nodiscard]] Split split_rows(int64_t rows, const Run& run);

/// The value a tree, a rule list, a linear model gives a row.
[[nodiscard]] double value_at(const SurrogateTree& tree, const Schema& schema,
                              std::span<const double> row);
[[nodiscard]] double value_at(const RuleList& rules, const Schema& schema,
                              std::span<const double> row);
[[nodiscard]] double value_at(const LinearSurrogate& linear, std::span<const double> row);

/// How well a surrogate stands for the model on the split's test rows (weighted).
[[nodiscard]] Fidelity fidelity(const Answers& answers, const Split& split,
                                const std::function<double(std::span<const double>)>& surrogate);

}  // namespace whence::surrogate
