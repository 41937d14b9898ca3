#pragma once
// One row of a table, and the columns of it that a rule names. Private to this folder.

#include <vector>

#include "whence/core/batch.h"
#include "whence/core/explanation.h"
#include "whence/core/schema.h"

namespace whence::anchors {

/// The one row of `input`, float32 or float64. Throws Error(input) for anything else, for infinity,
/// and for NaN where the column allows no missing value.
[[nodiscard]] std::vector<double> row_of(const Batch& input, const Schema& schema);

/// 1 for the columns that the rule names, 0 for the others.
[[nodiscard]] Attribution columns_named(const Rule& rule, const Schema& schema,
                                        const std::vector<double>& row);

}  // namespace whence::anchors
