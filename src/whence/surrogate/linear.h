#pragma once
// A sparse linear model that stands for a model.

#include "whence/surrogate/task.h"

namespace whence::surrogate {

struct LinearOptions {
    int64_t terms = 8;  ///< at most, at least 1
};

/// f(x) ~ intercept + sum of weights. The terms are those of the lasso path (least angle regression
/// on standardised columns: Efron, Hastie, Johnstone, Tibshirani 2004) at its last knot with at
/// most `terms` of them, the weights those of least squares on these terms alone (the relaxed lasso
/// with no shrinkage: Meinshausen 2007). A category is a column of 0 and 1 for each of its values
/// but the most frequent; a missing number is the column's mean, a missing category none of its
/// values.
///
/// Cost: no evaluations; rows x columns^2 (at most 2000 columns, counting categories; then
/// Error(limit)). Says nothing of what is not linear: look at the fidelity. Of columns that say the
/// same it keeps one, and which one may be chance.
[[nodiscard]] LinearSurrogate fit_linear(const Answers& answers, const Split& split,
                                         const LinearOptions& options, const Run& run);

}  // namespace whence::surrogate
