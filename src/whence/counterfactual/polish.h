#pragma once
// Makes valid states nearer and sparser, all of them together. Private to this folder.

#include "whence/counterfactual/oracle.h"

namespace whence::counterfactual {

/// Moves the features of each valid state back to the input's values, and numbers nearer to them,
/// while its answer stays the wanted one. Afterwards (budget permitting) no single feature can go
/// back. In batches over all states: blocks of features first, then single ones (delta debugging:
/// Zeller, Hildebrandt 2002), and of those that can go alone as many together as hold.
void polish(Oracle& oracle, const Limits& limits, std::vector<State>& states);

}  // namespace whence::counterfactual
