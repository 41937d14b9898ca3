#pragma once
// Tables as CSV (RFC 4180): comma, semicolon or tab (whichever the header has most of), a header
// line, quoted cells with any content, BOM and CRLF. Empty lines are skipped, blanks around
// unquoted cells dropped. An empty cell, NA, NaN, nan and ? are missing.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/schema.h"
#include "whence/core/tensor.h"

namespace whence::data {

struct Table {
    Schema schema;
    /// For each feature its value in each row: a number, a category's position, NaN for missing.
    std::vector<std::vector<double>> columns;

    [[nodiscard]] int64_t rows() const {
        return columns.empty() ? 0 : static_cast<int64_t>(columns[0].size());
    }
    [[nodiscard]] std::optional<size_t> find(std::string_view column) const;
    /// The same rows with these columns in this order. Throws Error(input) naming the column that
    /// is not there and those that are.
    [[nodiscard]] Table select(std::span<const std::string> names) const;
    /// float64 [rows, columns]: all columns in the order of the schema, or those named.
    [[nodiscard]] Tensor matrix() const;
    [[nodiscard]] Tensor matrix(std::span<const std::string> names) const;
    /// The cell as it would be written: shortest number that reads back the same, the category's
    /// own text, or "" for missing.
    [[nodiscard]] std::string text(int64_t row, size_t column) const;
};

/// A column is a number if each of its cells that is not missing is one; else its cells are
/// categories, sorted by their bytes (so that the order of rows does not matter). Columns with a
/// missing cell allow missing values. Throws Error(input), one line with file and line number:
/// "FILE line 17: 12 cells, the header has 13"; also for infinity and for a table without rows.
[[nodiscard]] Table parse_csv(std::string_view text, std::string_view name);
[[nodiscard]] Table read_csv(const std::filesystem::path& path);

/// The columns of `expected` (those of the model's training table), in its order and with its
/// categories; other columns of the file are left out. Throws Error(input) also for a column that
/// is not there, text where a number belongs, an unknown category (naming the known ones) and a
/// missing cell in a column that does not allow it.
[[nodiscard]] Table parse_csv(std::string_view text, std::string_view name, const Schema& expected);
[[nodiscard]] Table read_csv(const std::filesystem::path& path, const Schema& expected);

/// What read_csv makes of a file's columns, read without holding the file.
[[nodiscard]] Schema csv_schema(const std::filesystem::path& path);

/// One line, quoted where needed, with the line break.
[[nodiscard]] std::string csv_line(std::span<const std::string> cells);
/// Header and rows.
[[nodiscard]] std::string to_csv(const Table& table);

}  // namespace whence::data
