#pragma once
// A model of columns as a model of rows, so that methods need to know one shape of table only.

#include <optional>
#include <string>
#include <vector>

#include "whence/core/model.h"
#include "whence/core/schema.h"

namespace whence::data {

/// Adapts a model that reads one matrix [rows, columns] (numbers or text) or one input for each
/// column ([rows, 1] or [rows]; float, double, integers, bool, text) to one input named "rows",
/// float64 [rows, columns] with the codes of Schema.
///
/// Columns meet inputs by name; case, blanks and underscores are forgiven where that leaves one
/// choice. A text input receives the category's text (a number's shortest digits, "" for missing),
/// a numeric one the number or code; integers are rounded to nearest. predict throws Error(input)
/// naming row and column for infinity, for NaN where the column allows no missing value or the
/// input cannot hold one, and for a code without a category.
class TableModel final : public Model {
  public:
    /// `inner` must outlive it. Throws Error(input) naming the column or input that has no partner.
    TableModel(const Model& inner, Schema schema);

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override {
        return inner_.outputs();
    }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override;
    [[nodiscard]] int concurrency() const override { return inner_.concurrency(); }
    [[nodiscard]] int64_t preferred_batch() const override { return inner_.preferred_batch(); }

    [[nodiscard]] const Schema& schema() const { return schema_; }

  private:
    void check(const Tensor& rows) const;
    [[nodiscard]] bool plain(std::span<const double> values) const;

    const Model& inner_;
    Schema schema_;
    std::vector<TensorInfo> inputs_;
    /// The column that feeds each input of `inner`; empty where it reads one matrix.
    std::vector<size_t> column_of_input_;
    std::vector<size_t> categorical_;  // columns
};

/// The columns of a table that the model reads by name, in the order of its inputs, where it has
/// one input for each column; none where it reads one matrix.
[[nodiscard]] std::optional<std::vector<std::string>> columns_read(const Model& model,
                                                                   const Schema& schema);

}  // namespace whence::data
