#pragma once
// Models that are a formula, and tables for them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "../message_of.h"
#include "whence/core/error.h"
#include "whence/core/model.h"
#include "whence/core/rng.h"
#include "whence/core/schema.h"

namespace whence::testing {

/// One float64 input "rows" [N, columns], one output: scores(row), one for each class.
class ScoreModel : public Model {
  public:
    using Scores = std::function<std::vector<double>(std::span<const double>)>;
    ScoreModel(int64_t columns, int64_t classes, Scores scores, Scale scale = Scale::probability)
        : inputs_{{.name = "rows", .type = ElementType::float64, .shape = {-1, columns}}},
          outputs_{
              {.name = "y", .type = ElementType::float64, .shape = {-1, classes}, .scale = scale}},
          scores_(std::move(scores)) {}

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return 128; }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override {
        run.check();
        const Tensor& rows = inputs.at("rows");
        const std::vector<double> cells = rows.to_doubles();
        std::vector<double> out;
        for (int64_t row = 0; row < rows.rows(); ++row) {
            const std::vector<double> one = scores_(
                {cells.data() + row * rows.row_size(), static_cast<size_t>(rows.row_size())});
            out.insert(out.end(), one.begin(), one.end());
        }
        asked += rows.rows();
        Batch batch;
        batch.add("y", Tensor::of<double>({rows.rows(), outputs_[0].shape[1]}, out));
        return batch;
    }
    [[nodiscard]] std::vector<double> at(std::span<const double> row) const { return scores_(row); }

    mutable int64_t asked = 0;

  private:
    std::vector<TensorInfo> inputs_, outputs_;
    Scores scores_;
};

inline double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

/// Two classes, p(1) = sigmoid(score(row)).
inline ScoreModel two_classes(int64_t columns,
                              std::function<double(std::span<const double>)> score) {
    return {columns, 2, [score](std::span<const double> row) {
                const double p = sigmoid(score(row));
                return std::vector<double>{1 - p, p};
            }};
}

/// A number.
inline ScoreModel number(int64_t columns, std::function<double(std::span<const double>)> score) {
    return {columns, 1,
            [score](std::span<const double> row) { return std::vector<double>{score(row)}; },
            Scale::raw};
}

inline Schema numbers(int64_t columns) {
    Schema schema(static_cast<size_t>(columns));
    for (size_t c = 0; c < schema.size(); ++c)
        schema[c].name = std::string("x").append(std::to_string(c));
    return schema;
}

inline Tensor table(int64_t columns, const std::vector<double>& cells) {
    return Tensor::of<double>({static_cast<int64_t>(cells.size()) / columns, columns}, cells);
}

inline Batch row(const std::vector<double>& cells) {
    return Batch(Tensor::of<double>({1, static_cast<int64_t>(cells.size())}, cells));
}

/// numpy's median, slowly.
inline double median(std::vector<double> values) {
    std::ranges::sort(values);
    const size_t n = values.size();
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// The distance as documented, written down a second time: columns of numbers only.
inline double slow_distance(const Tensor& data, std::span<const double> a,
                            std::span<const double> b) {
    double sum = 0;
    const std::vector<double> cells = data.to_doubles();
    for (size_t c = 0; c < a.size(); ++c) {
        std::vector<double> column;
        for (size_t i = c; i < cells.size(); i += a.size()) column.push_back(cells[i]);
        const double centre = median(column);
        std::vector<double> deviations;
        for (const double v : column) deviations.push_back(std::abs(v - centre));
        double scale = median(deviations);
        const double range = *std::ranges::max_element(column) - *std::ranges::min_element(column);
        if (scale == 0) scale = range > 0 ? range : 1;
        sum += std::abs(a[c] - b[c]) / scale;
    }
    return sum;
}

}  // namespace whence::testing
