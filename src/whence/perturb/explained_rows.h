#pragma once
// Which tensor of the input is perturbed, and what is refused.

#include "whence/core/batch.h"
#include "whence/core/explanation.h"
#include "whence/core/evaluator.h"
#include "whence/core/run.h"
#include "whence/mask/masker.h"

namespace whence::perturb {

/// The first tensor of float32 or float64 in `input`. Throws Error(input) unless the batch holds
/// one row, such a tensor, and only finite numbers in it.
[[nodiscard]] const NamedTensor& explained_tensor(const Batch& input);

/// The model's answers to the input with all players and with none.
[[nodiscard]] std::vector<double> with_all_and_none(Evaluator& evaluator, const Batch& input,
                                                    const Masker& masker);

/// A note where other tensors of the batch were held constant.
void note_held(Explanation& explanation, const Batch& input);
/// The same, and method, seed, version.
void fill_common(Explanation& explanation, const char* method, const Batch& input, const Run& run);

}  // namespace whence::perturb
