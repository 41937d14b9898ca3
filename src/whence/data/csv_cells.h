#pragma once
// What the cells of a CSV mean: numbers, categories' positions, missing values.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "csv_reader.h"
#include "whence/core/schema.h"

namespace whence::data {

[[nodiscard]] bool is_missing(std::string_view cell);
/// Infinite where the number does not fit into a double, 0 where it is too near to it.
[[nodiscard]] std::optional<double> parse_number(std::string_view cell);
/// Where `column` stands in the header. Throws Error(input) naming those that are there.
[[nodiscard]] size_t column_at(const std::vector<std::string>& header, std::string_view column,
                               std::string_view name);

/// The rows of a CSV as a schema reads them.
class RowParser {
  public:
    /// Both must outlive it. Throws Error(input), a line that begins with `name`, for a column that
    /// is not there.
    RowParser(CsvReader& reader, const Schema& schema, std::string_view name);
    ~RowParser();

    /// The next row into `row`, a number for each column of the schema; false at the end. Throws
    /// Error(input) naming line and column.
    bool next(std::span<double> row);

  private:
    class Column;
    CsvReader& reader_;
    std::vector<Column> columns_;
    std::vector<std::string_view> cells_;
};

}  // namespace whence::data
