#pragma once
// What every view of a whole table asks about.

#include "whence/core/global_view.h"
#include "whence/core/model.h"

namespace whence::global {

/// A model of rows, a table of them, and the scalar that is looked at. All borrowed.
///
/// The model has one input, float64 [rows, columns] with the codes of Schema (data::TableModel
/// makes one of any model). A value may be NaN where the model takes it.
struct Task {
    const Model& model;
    const Schema& schema;
    const Tensor& rows;  ///< float64 [rows, columns], at least one row
    ResolvedTarget target;

    [[nodiscard]] int64_t columns() const { return static_cast<int64_t>(schema.size()); }
    [[nodiscard]] std::span<const double> row(int64_t i) const {
        return rows.as<double>().subspan(i * columns(), columns());
    }
    [[nodiscard]] std::vector<double> column(int64_t feature) const;
};

/// Throws Error(input) for a table that is not float64 [rows, columns of the schema] or has no
/// rows.
void check(const Task& task);

/// The target's value for each row of the task.
[[nodiscard]] std::vector<double> predictions(const Task& task, const Run& run);

/// `count` different row numbers, rising, drawn with run.seed; all where there are no more.
[[nodiscard]] std::vector<int64_t> sampled_rows(int64_t rows, int64_t count, const Run& run);

}  // namespace whence::global
