#pragma once
// Fairness through explanations: how much of them protected columns carry, what changing those
// would change, and whether some groups are explained worse than others.
//
// Tables are float64 [rows, columns] as core/schema.h has them. None of this finds a model fair or
// unfair: docs/metrics/fairness.md says what may and may not be concluded.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "whence/core/model.h"
#include "whence/core/schema.h"

namespace whence::metrics {

/// How strongly two columns go together, in [0, 1]: of two numbers |Spearman's correlation|, of a
/// number and a category the correlation ratio eta, of two categories Cramér's V. Rows with a
/// missing value in one of them are left out; 0 where a column is constant or fewer than 2 rows are
/// left. O(rows log rows).
[[nodiscard]] double association(const Tensor& rows, const Schema& schema, int64_t a, int64_t b);

/// A column that stands in for a protected one.
struct Proxy {
    int64_t column = 0;
    int64_t protected_column = 0;  ///< the one that it goes with most
    double association = 0;
};
/// Columns other than the protected ones whose association with one of them is at least
/// `threshold`, the strongest first. Association is neither cause nor intent, and one column at a
/// time: several weak ones may tell together what none does alone. Throws Error(usage) for a column
/// that does not exist or a threshold outside (0, 1], Error(input) for rows that do not fit the
/// schema.
[[nodiscard]] std::vector<Proxy> find_proxies(const Tensor& rows, const Schema& schema,
                                              std::span<const int64_t> protected_columns,
                                              double threshold = 0.3);

/// Of each explanation: sum of |values| of `columns` over that of all, in [0, 1]; NaN where all are
/// 0. `values`: [row][column]. Throws Error(usage) for a column that does not exist, Error(input)
/// for a value that is not a finite number.
[[nodiscard]] std::vector<double> attribution_share(std::span<const std::vector<double>> values,
                                                    std::span<const int64_t> columns);

/// What rows answer when a protected column holds another value, all else as it is.
struct FlipTest {
    std::vector<double> tried;  ///< the column's different values in the data, ascending
    /// Of each row: share of the other values for which the predicted class is another; NaN where
    /// there is no other value or the model gives one raw score, which is no class.
    std::vector<double> flipped;
    /// Of each row: the change of the target, f(with the other value) - f(x), that is largest in
    /// size.
    std::vector<double> change;
    int64_t evaluations = 0;
};
/// Changes `column` of the only tensor of `inputs` to every other of `values` (empty: those it has
/// there), at most 64, and nothing else: what a person would be like whose column had another value
/// is a causal question that no table answers. All changed rows are asked in full batches. Throws
/// Error(usage) for a column that does not exist, Error(input) for more values, Error(model) for an
/// answer that is not a finite number.
[[nodiscard]] FlipTest flip_test(const Model& model, const ResolvedTarget& target,
                                 const Batch& inputs, int64_t column, const Run& run,
                                 std::span<const double> values = {});

/// The mean of a group, and its 95 % bootstrap interval over rows (percentiles).
struct GroupMean {
    int64_t group = 0;
    int64_t rows = 0;                    ///< whose value is defined
    double mean = 0, low = 0, high = 0;  ///< NaN where there are none
};
/// Of each group 0, 1, ..., largest group; rows whose value is NaN or whose group is negative are
/// left out. Throws Error(input) where lengths differ, Error(usage) for fewer than 100 resamples.
[[nodiscard]] std::vector<GroupMean> means_by_group(std::span<const double> values,
                                                    std::span<const int64_t> groups, const Run& run,
                                                    int64_t resamples = 2000);

/// The largest difference of two groups' means, and how often groups drawn at random differ as
/// much.
struct GroupGap {
    double gap = 0;  ///< of means, 0 or more; NaN where fewer than two groups have 2 rows
    /// 95 % bootstrap interval of the difference between these two groups' means (percentiles over the resamples of
    /// means_by_group). Of more than two groups these two were picked: then the p-value alone says what chance does.
    double low = 0, high = 0;
    int64_t higher = -1, lower = -1;  ///< those groups
    double p_value =
        0;  ///< permutation test of "which group does not matter", in (0, 1]; NaN as gap
};
/// Values of any metric, row by row. Groups of fewer than 2 rows are left out. p = (1 +
/// permutations with a gap as large) / (1 + permutations). Throws as means_by_group.
[[nodiscard]] GroupGap gap_between_groups(std::span<const double> values,
                                          std::span<const int64_t> groups, const Run& run,
                                          int64_t permutations = 2000, int64_t resamples = 2000);

}  // namespace whence::metrics
