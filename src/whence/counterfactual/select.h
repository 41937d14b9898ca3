#pragma once
// Few of many: near the input and different from each other. Private to this folder.

#include "whence/counterfactual/features.h"

namespace whence::counterfactual {

/// Positions of at most `count` of `states`, in the order they were taken: the nearest to `input`
/// first, then each time the one with the largest diversity * log(gain of det K) - distance /
/// nearest distance, K_ij = 1 / (1 + distance_ij). A state that equals one taken has no gain and is
/// never taken.
[[nodiscard]] std::vector<size_t> select_diverse(const Features& features, const State& input,
                                                 const std::vector<State>& states, int64_t count,
                                                 double diversity);

}  // namespace whence::counterfactual
