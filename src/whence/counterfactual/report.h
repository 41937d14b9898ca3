#pragma once
// What the methods of this folder write down of what they found. Private to it.

#include <chrono>
#include <memory>

#include "whence/counterfactual/counterfactual.h"
#include "whence/counterfactual/oracle.h"

namespace whence::counterfactual {

/// Throws Error(usage) for a count or budget below 1, or a negative weight.
void check(const CounterfactualOptions& options);

/// The options, where they make sense. Throws Error(usage).
[[nodiscard]] CounterfactualOptions checked(CounterfactualOptions options);

/// Asks the model about every state once more and describes what it says, the nearest first.
[[nodiscard]] Counterfactuals describe(Oracle& oracle, const std::vector<State>& states,
                                       const std::vector<std::string>& classes);

/// Everything but `found`, options and gradient evaluations. converged: `wished` or more were
/// found, all valid, and nothing was left out for want of budget; notes say what is missing.
[[nodiscard]] Explanation explanation_of(const char* method, Counterfactuals found,
                                         const Oracle& oracle, int64_t wished,
                                         std::chrono::steady_clock::time_point start);

}  // namespace whence::counterfactual
