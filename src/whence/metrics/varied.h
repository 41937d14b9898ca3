#pragma once
// Batches whose numbers are changed, and classes that models then predict: what robustness,
// randomisation and fairness share.

#include <span>
#include <string>
#include <vector>

#include "whence/core/target.h"

namespace whence::metrics {

/// The tensor of that name. Throws Error(unsupported) unless it holds float32 or float64.
[[nodiscard]] Tensor& varied(Batch& batch, const std::string& input_name);

/// Row number `row` becomes these numbers.
void write_row(std::span<const double> values, Tensor& to, int64_t row);

/// The rows of a tensor.
[[nodiscard]] std::vector<std::vector<double>> rows_of(const Tensor& tensor);

/// Batches of the same tensors, one after the other.
[[nodiscard]] Batch joined(const std::vector<Batch>& parts);

/// The class with the largest of these scores, the first of equals; of two classes with one score,
/// a probability or a logit, which of the two; -1 for one score that is neither.
[[nodiscard]] int64_t predicted_class(std::span<const double> scores, Scale scale);

}  // namespace whence::metrics
