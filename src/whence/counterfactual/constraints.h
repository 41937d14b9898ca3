#pragma once
// What a counterfactual may do to the columns of a table.

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/schema.h"
#include "whence/core/tensor.h"

namespace whence {

/// Which changes are actionable. Features are named by their columns.
struct Constraints {
    struct Range {
        std::string feature;
        double low = -std::numeric_limits<double>::infinity();
        double high = std::numeric_limits<double>::infinity();
        std::vector<std::string> categories;  ///< of a category: those it may become
    };
    std::vector<std::string> fixed;       ///< do not change
    std::vector<std::string> increasing;  ///< numbers that may only grow
    std::vector<std::string> decreasing;  ///< numbers that may only fall
    /// Numbers stay within; without an entry, within what the data have.
    std::vector<Range> ranges;
    /// Columns of 0 and 1 of which exactly one is 1: they change together, as one category.
    std::vector<std::vector<std::string>> one_hot;

    /// Each list parted by commas; ranges as in "age=18:65,income=0:,job=clerk|cook". Throws
    /// Error(usage) for what is no column, naming it, and for a range that is none.
    static Constraints parse(std::string_view fixed, std::string_view increasing,
                             std::string_view decreasing, std::string_view ranges,
                             const Schema& schema);
};

/// "sex_male+sex_female,port_c+port_q+port_s": blocks parted by commas. Throws Error(usage).
[[nodiscard]] std::vector<std::vector<std::string>> parse_one_hot(std::string_view text,
                                                                  const Schema& schema);
/// Neighbouring columns of 0 and 1 whose names agree up to the last '_', '=' or ':' and of which
/// exactly one is 1 in every row of `data` (float64 [rows, columns]).
[[nodiscard]] std::vector<std::vector<std::string>> find_one_hot(const Schema& schema,
                                                                 const Tensor& data);

}  // namespace whence
