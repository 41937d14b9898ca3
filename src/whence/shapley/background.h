#pragma once
// What stands for missing players: rows of data with weights, and how to have fewer of them.

#include <string>
#include <string_view>
#include <vector>

#include "whence/core/run.h"
#include "whence/core/tensor.h"

namespace whence {

struct Background {
    Tensor rows;                  ///< shaped as the explained input, at least one row
    std::vector<double> weights;  ///< of the rows, in any unit; empty: all the same
    std::string description;      ///< "background", or of a single row "zeros", "mean", ...
};

/// Rows of a background that are asked unless one says otherwise: each coalition costs that many
/// evaluations.
inline constexpr int64_t most_background_rows = 100;

/// `count` rows drawn without replacement, in their order, from the run's seed; all where there are
/// no more.
[[nodiscard]] Background sampled(const Background& background, int64_t count, const Run& run);

/// `count` rows that stand for all: k-means (k-means++ starts, the best of ten, Lloyd's steps) with
/// each centre moved, column by column, to the nearest value of the data, weighted by how many rows it
/// stands for (shap.kmeans). Random starts come from the run's seed, so centres need not be
/// shap's. Throws Error(input) for NaN, Error(usage) for weights that are not all the same. Cost: rows x count x columns a step.
[[nodiscard]] Background kmeans(const Background& background, int64_t count, const Run& run);

/// "all", "sample:K", "kmeans:K". Throws Error(usage).
[[nodiscard]] Background summarized(const Background& background, std::string_view how,
                                    const Run& run);

}  // namespace whence
