#pragma once
// Gradients of many rows at once, for what explains thousands of nearly equal inputs.

#include <string>
#include <vector>

#include "whence/core/model.h"

namespace whence::gradients {

/// The gradient of the target with respect to the input called `input` (empty: the first of
/// floating-point numbers) at every row: [row][element], in batches of the model's preferred size.
/// The same numbers as row by row, to the rounding of the model's batches. Throws as
/// DifferentiableModel::run, Error(model) for a gradient that is not finite.
[[nodiscard]] std::vector<std::vector<double>> gradients_of_rows(const DifferentiableModel& model,
                                                                 const ResolvedTarget& target,
                                                                 const std::string& input,
                                                                 const Batch& rows, const Run& run);

}  // namespace whence::gradients
