#pragma once
// A decision tree that stands for a model.

#include "whence/surrogate/task.h"

namespace whence::surrogate {

using perturb::TreeOptions;

/// A regression tree (perturb::grow_tree) fitted to the answers of a model instead of to labels
/// (Craven and Shavlik 1996, "Extracting tree-structured representations of trained networks",
/// without their oracle queries), with its fidelity on the split's test rows. A tree of high
/// fidelity may still ask about a column that the model does not use, where it goes along with one
/// that it does: it describes what the model says of such rows, not how.
[[nodiscard]] SurrogateTree fit_tree(const Answers& answers, const Split& split,
                                     const TreeOptions& options, const Run& run);

}  // namespace whence::surrogate
