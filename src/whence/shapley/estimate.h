#pragma once
// What an estimator of the Shapley family is allowed, and what it found.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "whence/core/game.h"

namespace whence {

/// When an estimator stops. It also stops, with what is there and a note, at the deadline of its
/// run and where the model gets out of reach; what is found then depends on the machine.
struct Budget {
    /// Coalitions whose value may be asked besides nobody and everyone; 0: the method's own number,
    /// 2 players + 2048 (shap's) and at least what its first estimate needs.
    int64_t coalitions = 0;
    /// Stop once the largest standard error is below this share of the range of the values, largest
    /// minus smallest (Covert and Lee 2021, "Improving KernelSHAP", section 3.2). 0: spend it all.
    double tolerance = 0.01;
};

/// Throws Error(usage) for numbers that make no sense.
void check(const Budget& budget);

struct Estimate {
    std::vector<double> values;  ///< one for each player
    /// Of each value, of the sampling alone; 0 where nothing was sampled. Empty where the samples
    /// were too few to tell or the method has none.
    std::vector<double> standard_errors;
    double nobody = 0, everyone = 0;  ///< v of the empty and of the full coalition
    int64_t coalitions = 0;           ///< asked, those two included
    bool exact = false;               ///< nothing was sampled
    std::optional<bool> converged;    ///< tolerance met; none where there was none to meet
    /// Why the values claim no sum; empty where they add up to everyone - nobody.
    std::string no_sum_because;
    std::vector<std::string> notes;
    /// [players, players] and their standard errors, as Interactions has them; empty: none asked.
    std::vector<double> interactions, interaction_errors;
};

}  // namespace whence
