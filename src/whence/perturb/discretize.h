#pragma once
// Where a column is cut into bins, as the lime package cuts it.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/perturb/lime.h"

namespace whence::perturb {

/// Edges in rising order, each once. quartile and decile: percentiles by linear interpolation
/// (NumPy's default). entropy: thresholds of a decision tree of depth 3 on this column and `labels`
/// (one for each value; criterion entropy, scikit-learn's midpoints); the median where the tree
/// does not split.
[[nodiscard]] std::vector<double> bin_edges(Discretizer discretizer, std::span<const double> values,
                                            std::span<const int64_t> labels);

}  // namespace whence::perturb
