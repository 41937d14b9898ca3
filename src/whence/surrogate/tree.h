#pragma once
// A decision tree that stands for a model.

#include "whence/surrogate/task.h"

namespace whence::surrogate {

struct TreeOptions {
    int64_t max_depth = 4;    ///< tests on a path, 0 to 60
    int64_t max_leaves = 16;  ///< at least 1
    int64_t min_rows = 5;     ///< training rows in each leaf, at least 1
};

/// A regression tree (CART: Breiman, Friedman, Olshen, Stone 1984, chapter 8) fitted to the answers
/// of a model instead of to labels (Craven and Shavlik 1996, "Extracting tree-structured
/// representations of trained networks", without their oracle queries). Splits lessen the weighted
/// sum of squares most; the leaf that gains most is split next, until depth, leaves or rows end it.
/// Numbers split midway between neighbours; categories, ordered by their mean answer, split at the
/// best place of that order, which is the best of all subsets (Fisher 1958); missing values go to
/// the side that lessens more. Of equal splits the first column's, then the lowest, is taken.
///
/// Cost: no evaluations; features x rows x log(rows) for each node. The same on any number of
/// threads. A tree of high fidelity may still ask about a column that the model does not use, where
/// it goes along with one that it does: it describes what the model says of such rows, not how.
[[nodiscard]] SurrogateTree fit_tree(const Answers& answers, const Split& split,
                                     const TreeOptions& options, const Run& run);

}  // namespace whence::surrogate
