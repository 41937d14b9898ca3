#pragma once
// Trees as files have them, in any order, brought into the order of ensemble.h.

#include "whence/trees/ensemble.h"

namespace whence::trees {

/// `tree` with every node after its parent and without those that nothing leads to; as it is where
/// that holds already. Throws Error(model), with the file's own numbers of tree and node, for a
/// child that does not exist, a node that two lead to (a cycle, too), a feature that does not
/// exist, a threshold that is NaN.
[[nodiscard]] Tree in_order(Tree tree, int64_t number, int64_t features);

}  // namespace whence::trees
