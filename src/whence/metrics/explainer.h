#pragma once
// What metrics know of a method that they ask to explain again: other inputs, another model.

#include <functional>
#include <memory>
#include <vector>

#include "whence/core/model.h"

namespace whence::metrics {

/// Explains each row of a batch for one target, the same for all rows: [row][player], as many
/// players for every row. The rows are explained together where the method can.
using Explainer =
    std::function<std::vector<std::vector<double>>(const Batch& inputs, const Run& run)>;

/// The same method and target on another model with the same inputs (randomised weights).
using ExplainerOf = std::function<Explainer(std::shared_ptr<const Model>)>;

}  // namespace whence::metrics
