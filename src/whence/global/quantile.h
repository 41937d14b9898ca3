#pragma once
// Quantiles of columns. Private to this folder.

#include <vector>

#include "whence/global/task.h"

namespace whence::global {

/// Linear between the values, as numpy's default. `sorted` is not empty.
[[nodiscard]] double quantile(const std::vector<double>& sorted, double p);
/// The column without missing values, rising.
[[nodiscard]] std::vector<double> present_sorted(const Task& task, int64_t feature);
/// 0 to 100 % in steps of ten; empty for categories.
[[nodiscard]] std::vector<double> deciles(const Task& task, int64_t feature);
/// Each value once.
[[nodiscard]] std::vector<double> unique(std::vector<double> sorted);

}  // namespace whence::global
