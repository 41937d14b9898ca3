#pragma once
// The rows of the registry, one part for each file. Private to this folder.

#include <vector>

#include "whence/evaluate/registry.h"

namespace whence::evaluate {

[[nodiscard]] std::vector<MetricSpec> faithfulness_rows();  ///< and axioms: what asks the model
[[nodiscard]] std::vector<MetricSpec> value_rows();         ///< of the values alone
[[nodiscard]] std::vector<MetricSpec> localisation_rows();
[[nodiscard]] std::vector<MetricSpec> consistency_rows();

[[nodiscard]] std::vector<MetricSpec> robustness_rows();
[[nodiscard]] std::vector<MetricSpec> randomisation_rows();  ///< and input invariance
[[nodiscard]] std::vector<MetricSpec> fairness_rows();

/// Name of the tensor of this row that holds numbers with a fraction, which can be changed a little.
/// Throws Error(unsupported) where there is none (texts).
[[nodiscard]] std::string changeable(const Batch& row);

}  // namespace whence::evaluate
