#pragma once
// What a rule about a tree ensemble says of one column. Private to this folder.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "whence/core/schema.h"
#include "whence/trees/search/cells.h"

namespace whence::anchors {

/// A column of which trees read something, and all that its values may be to them.
struct TreeColumn {
    int64_t column = 0;
    std::vector<trees::Cell> cells;  ///< of a number; those that hold a value
    std::vector<double> values;      ///< one of each cell; of a category its codes
    bool missing = false;            ///< it may be missing
    bool category = false;
    std::vector<size_t> group;  ///< of a code: the same for those that no tree can tell apart
};

/// Cells first to last of a number, marked codes of a category, missing or not.
struct TreeCondition {
    size_t first = 0, last = 0;  ///< of a number; first > last: none
    std::vector<uint8_t> codes;  ///< of a category
    bool missing = false;

    [[nodiscard]] static TreeCondition all(const TreeColumn& column);
    [[nodiscard]] bool is_all(const TreeColumn& column) const;
    /// Whether it holds of the value that stands for one of its cells, a code, or NaN.
    [[nodiscard]] bool admits(const TreeColumn& column, double value) const;
};

/// The ends of an interval of numbers, low < x <= high or low <= x <= high, as a person is told
/// them: short decimals in its outermost cells, so that the interval told is never wider than the
/// one proven, and leaves out no number that is known.
struct ToldInterval {
    bool closed = false;  ///< low belongs to it
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();

    [[nodiscard]] bool holds(double x) const { return (closed ? x >= low : x > low) && x <= high; }
};
/// From cell `first` to cell `last`. `known`: numbers of the column, the row's own included if it
/// is one; `float_inputs`: they are rounded to float32 before they are compared.
[[nodiscard]] ToldInterval told(const trees::Cell& first, const trees::Cell& last,
                                bool float_inputs, const std::vector<double>& known);

/// A number of the cell beside `nearest` (one of its ends) that is short to tell.
[[nodiscard]] double short_number(const trees::Cell& cell, double nearest, bool float_inputs);

/// "a < age <= b", "age >= a", "job = clerk or cook", "job is not clerk", "age is missing", "age <=
/// 3 or missing".
[[nodiscard]] std::string text(const TreeColumn& column, const TreeCondition& condition,
                               const ToldInterval& interval, const Feature& feature);

}  // namespace whence::anchors
