#pragma once
// A regression tree fitted to the answers of a model: LIME's local tree, and the surrogate of a
// whole table.

#include <span>
#include <vector>

#include "whence/core/global_view.h"
#include "whence/core/run.h"

namespace whence::perturb {

/// Rows and answers, borrowed. A value may be NaN (missing).
struct Answers {
    const Schema& schema;
    const Tensor& rows;               ///< float64 [rows, columns]
    std::span<const double> values;   ///< f(x) of each row, finite
    std::span<const double> weights;  ///< of each row, 0 or more; empty: all 1
    bool probabilities = false;       ///< values are probabilities: agreement is measured

    [[nodiscard]] int64_t columns() const { return static_cast<int64_t>(schema.size()); }
    [[nodiscard]] std::span<const double> row(int64_t i) const {
        return rows.as<double>().subspan(i * columns(), columns());
    }
    [[nodiscard]] double weight(int64_t i) const { return weights.empty() ? 1 : weights[i]; }
};

/// Throws Error(input) for shapes that do not fit, answers that are no finite numbers (naming the
/// row), negative weights, or nothing to learn from.
void check(const Answers& answers);

struct TreeOptions {
    int64_t max_depth = 4;    ///< tests on a path, 0 to 60
    int64_t max_leaves = 16;  ///< at least 1
    int64_t min_rows = 5;     ///< training rows in each leaf, at least 1
};

/// A regression tree (CART: Breiman, Friedman, Olshen, Stone 1984, chapter 8) of the answers to
/// `rows`, those of weight 0 left out. Splits lessen the weighted sum of squares most; the leaf that
/// gains most is split next, until depth, leaves or rows end it. Numbers split midway between
/// neighbours; categories, ordered by their mean answer, split at the best place of that order,
/// which is the best of all subsets (Fisher 1958); missing values go to the side that lessens more.
/// Of equal splits the first column's, then the lowest, is taken. Its fidelity is not measured.
///
/// Cost: no evaluations; features x rows x log(rows) for each node. The same on any number of
/// threads. Throws Error(usage) for senseless options, Error(input) where no row has a weight.
[[nodiscard]] SurrogateTree grow_tree(const Answers& answers, std::vector<int64_t> rows,
                                      const TreeOptions& options, const Run& run);

/// What the tree says of a row.
[[nodiscard]] double value_at(const SurrogateTree& tree, const Schema& schema,
                              std::span<const double> row);

/// What holds where `test` does not.
[[nodiscard]] Condition opposite(const Condition& test, const Feature& feature);

/// Adds a test to the conditions of a path: one for each column.
void join(std::vector<Condition>& path, const Condition& test);

}  // namespace whence::perturb
