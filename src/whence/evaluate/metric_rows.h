#pragma once
// The rows of the registry, one part for each file. Private to this folder.

#include <vector>

#include "whence/evaluate/registry.h"

namespace whence::evaluate {

[[nodiscard]] std::vector<MetricSpec> faithfulness_rows();  ///< and axioms: what asks the model
[[nodiscard]] std::vector<MetricSpec> value_rows();         ///< of the values alone
[[nodiscard]] std::vector<MetricSpec> localisation_rows();
[[nodiscard]] std::vector<MetricSpec> consistency_rows();

}  // namespace whence::evaluate
