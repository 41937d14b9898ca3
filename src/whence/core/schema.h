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
    [[nodiscard]] bool categorical() const { return !categories.empty(); }
};

using Schema = std::vector<Feature>;

/// Columns that are one feature together, as those of a one-hot block.
struct ColumnGroup {
    std::string name;
    std::vector<int64_t> columns;
};

/// "17.99", the category's name, or "missing".
[[nodiscard]] std::string display(const Feature& feature, double value);

}  // namespace whence
