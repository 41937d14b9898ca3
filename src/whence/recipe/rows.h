#pragma once
// Explanations of many rows of a table at once, for methods that can: blocks of numbers instead of one
// document for each row.

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "whence/data/row_stream.h"
#include "whence/recipe/recipe.h"

namespace whence::recipe {

/// What the rows of a block are explained with.
struct RowsValues {
    std::vector<double> values;       ///< [rows, columns]
    std::vector<double> predictions;  ///< [rows]: what is explained
    std::vector<double> errors;       ///< [rows]: the attribution error
    double base_value = 0;            ///< where all values start from
};

/// A method with its options and its target, ready for rows.
class RowsExplainer {
  public:
    virtual ~RowsExplainer() = default;
    /// `rows`: float64 [rows, columns]. The values of a row are those that it gets alone, to rounding.
    [[nodiscard]] virtual RowsValues explain(const Tensor& rows, const Run& run) const = 0;
    /// Bytes that a row of a block takes while it is explained.
    [[nodiscard]] virtual int64_t bytes_per_row() const = 0;
};

/// nullptr where the method, so asked, explains one row at a time. `example` explains one of the rows
/// by the same recipe: it says what "top" means for all of them. The subject must outlive what is
/// returned. Throws as explain.
[[nodiscard]] std::shared_ptr<const RowsExplainer> rows_explainer(const Subject& subject,
                                                                  const Schema& schema,
                                                                  const Recipe& recipe,
                                                                  const Explanation& example);

/// The rows of a CSV or a .npy file as the subject reads them, block by block.
struct Rows {
    Schema schema;
    std::unique_ptr<data::RowStream> stream;
};
/// Empty for files that are read whole. Throws as read_inputs.
[[nodiscard]] std::optional<Rows> stream_rows(const Subject& subject,
                                              const std::filesystem::path& path);

}  // namespace whence::recipe
