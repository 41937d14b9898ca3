#pragma once
// Whether metrics say the same of the same explanations. Private to this folder.

#include <vector>

#include "whence/core/run.h"
#include "whence/core/score_card.h"

namespace whence::evaluate {

/// Spearman's correlation of each two metrics that score samples one by one, both turned so that
/// higher is better, and its 95 % bootstrap interval over samples. With several methods (the random
/// control is none) scores are taken less their sample's mean over methods: do the metrics agree on
/// which explanation of an input is better? With one: on which inputs are explained better? Left
/// out where one of the two does not vary or fewer than 6 samples have both.
[[nodiscard]] std::vector<Agreement> agreements(const ScoreCard& card, const Run& run);

}  // namespace whence::evaluate
