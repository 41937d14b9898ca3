#pragma once
// A table of one row behind a formula, explained: what most tests of metrics start from.

#include <cmath>
#include <memory>

#include "core/support.h"
#include "perturb/fake_models.h"
#include "whence/metrics/questions.h"

namespace whence::metrics::test {

using testing::error_of;
using testing::FormulaModel;
using testing::plain_run;

/// Rows of columns, removed by setting them to 0 (or to each row of `baselines`), and the values
/// that explain each row.
struct Example {
    FormulaModel model;
    std::vector<Batch> inputs;
    std::vector<std::unique_ptr<LabelMasker>> maskers;
    std::vector<std::vector<double>> values;

    Example(const std::vector<std::vector<double>>& rows,
            const std::vector<std::vector<double>>& explained_by, FormulaModel::Formula formula,
            int64_t batch = 64, Tensor baselines = {})
        : model({-1, std::ssize(rows[0])}, ElementType::float64, std::move(formula), batch),
          values(explained_by) {
        const int64_t columns = std::ssize(rows[0]);
        if (baselines.size() == 0) baselines = Tensor(ElementType::float64, {1, columns});
        for (const std::vector<double>& row : rows) {
            const Tensor x = Tensor::of<double>({1, columns}, row);
            inputs.push_back(Batch({{"x", x}}));
            maskers.push_back(
                std::make_unique<LabelMasker>("x", x, baselines, column_labels(columns)));
        }
    }

    [[nodiscard]] std::vector<Explained> explained() const {
        std::vector<Explained> all;
        for (size_t i = 0; i < inputs.size(); ++i)
            all.push_back({&inputs[i], {.output = "y"}, maskers[i].get(), values[i]});
        return all;
    }

    [[nodiscard]] Score score(const Metric& metric, const Run& run = plain_run) const {
        const Metric* one = &metric;
        return evaluate(model, explained(), {&one, 1}, run).of[0][0];
    }
};

/// The worked example of docs/metrics: f(x) = 4 x0 + 2 x1 + x2 at (1, 1, 1).
inline double worked(std::span<const double> x) {
    return 4 * x[0] + 2 * x[1] + x[2];
}
inline Example worked_example(std::vector<double> values = {4, 2, 1}) {
    return {{{1, 1, 1}}, {std::move(values)}, worked};
}

/// Not additive: pairs of neighbours act together.
inline double entangled(std::span<const double> x) {
    double sum = 0.5;
    for (size_t i = 0; i + 1 < x.size(); ++i) sum += std::sin(x[i] + 0.3) * x[i + 1];
    return sum;
}

/// Rows and values that are unlike: `rows` of `columns`.
inline Example entangled_example(int64_t rows, int64_t columns, int64_t batch = 64,
                                 Tensor baselines = {}) {
    std::vector<std::vector<double>> x(rows), values(rows);
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t c = 0; c < columns; ++c) {
            x[i].push_back(std::cos(static_cast<double>(3 * i + c * c)));
            values[i].push_back(std::sin(static_cast<double>(5 * i + 7 * c + 1)));
        }
    return {x, values, entangled, batch, std::move(baselines)};
}

/// f of row i without `removed`, asked directly: the slow twin of everything.
inline double without(const Example& e, int64_t i, std::span<const int32_t> removed,
                      FormulaModel::Formula formula) {
    std::vector<double> x = e.inputs[i][0].value.to_doubles();
    for (const int32_t player : removed) x[player] = 0;
    return formula(x);
}

}  // namespace whence::metrics::test
