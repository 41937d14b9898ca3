#pragma once
// What the columns of a table are. Rows are float64 [rows, columns]: numbers as they stand, a
// category as its position in `categories`, missing as NaN.

#include <cstdint>
#include <string>
#include <vector>

namespace whence {

struct Feature {
    std::string name;
    /// Names of the categories; empty for a number.
    std::vector<std::string> categories;
    /// NaN is a value of this column (missing), not an error.
    bool allows_missing = false;
    /// What its numbers count, as a person reads it after them: "years", "mm"; empty where nobody said.
    std::string unit;
    [[nodiscard]] bool categorical() const { return !categories.empty(); }
};

using Schema = std::vector<Feature>;

/// Columns that are one feature together, as those of a one-hot block.
struct ColumnGroup {
    std::string name;
    std::vector<int64_t> columns;
};

/// What stands after a number of this column: its unit behind a no-break space, or nothing.
[[nodiscard]] std::string unit_after(const Feature& feature);

/// "17.99", "17.99 mm", the category's name, or "missing".
[[nodiscard]] std::string display(const Feature& feature, double value);

}  // namespace whence
