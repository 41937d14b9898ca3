#pragma once
// How much of what the model does two features do only together.

#include "whence/global/task.h"

namespace whence::global {

struct InteractionOptions {
    /// Pairs are measured among the features whose total is largest: at most this many of them.
    int64_t top = 10;
};

/// Friedman and Popescu 2008, "Predictive learning via rule ensembles", section 8.1, with partial
/// dependences over the task's rows, each centred: H_jk is the root of eq. 44, the total of a
/// feature the root of eq. 45. A ratio of nothing to nothing (a model that does not use the
/// features) is 0.
///
/// Cost: rows^2 x (2 features + pairs) + rows evaluations: give it a sample. Misleads where
/// features depend on each other (the model is asked about rows that do not occur), and where the
/// effect is small altogether: H is a share, so look at `strength` too. A sample of n rows makes H
/// of a purely additive model exactly 0 (up to rounding), but H of any other an estimate.
[[nodiscard]] InteractionStrengths interaction(const Task& task,
                                               const std::vector<int64_t>& features,
                                               const InteractionOptions& options, const Run& run);

}  // namespace whence::global
