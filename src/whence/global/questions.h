#pragma once
// Rows made on the fly and put to the model in its own batches. Private to this folder.

#include <functional>

#include "whence/global/task.h"

namespace whence::global {

/// Writes row number `i`, all of it.
using FillRow = std::function<void(int64_t i, std::span<double> row)>;
/// Reads one number for each row from what the model said of rows first, first + 1, ...
using Measure = std::function<std::vector<double>(const Batch& outputs, int64_t first)>;

/// As core's Evaluator, but other numbers than a target can be read from the answers (losses).
/// Where batches end depends on the model alone. Checks run, reports `what`.
[[nodiscard]] std::vector<double> ask(const Task& task, int64_t count, const FillRow& fill,
                                      const Measure& measure, std::string_view what,
                                      const Run& run);
/// The target's values.
[[nodiscard]] std::vector<double> ask(const Task& task, int64_t count, const FillRow& fill,
                                      std::string_view what, const Run& run);

}  // namespace whence::global
