#pragma once
// A list of rules that stands for a model.

#include "whence/surrogate/tree.h"

namespace whence::surrogate {

struct RuleOptions {
    TreeOptions tree;  ///< the tree whose paths become the rules
    double tolerance =
        0.001;  ///< share of the answers' variance that dropping a condition may cost
};

/// The paths of a tree (fit_tree) as a list: each leaf a rule whose tests of one column are joined,
/// the leaf with most rows last and without conditions, the others by falling number of rows. Then
/// conditions are dropped one by one, each where that costs at most `tolerance` of the variance on
/// the training rows (the idea of C4.5rules: Quinlan 1993, chapter 5, with the change of squared
/// error in place of its pessimistic error), and rules that no row reaches. Each rule's value is
/// the mean answer of the rows for which it is the first.
///
/// Cost: no evaluations; rules^2 x conditions x rows. A rule means "and none before it": one rule
/// alone, out of its place, may be wrong.
[[nodiscard]] RuleList fit_rules(const Answers& answers, const Split& split,
                                 const RuleOptions& options, const Run& run);

}  // namespace whence::surrogate
