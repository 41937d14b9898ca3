#pragma once
// What is looked for, as conditions on margins: "any of" conjunctions of constraints.
//
// Conditions are necessary ones: a row that the model's own answer accepts meets one of the
// conjunctions within rounding. Whether it is accepted only that answer says.

#include <cstdint>
#include <vector>

#include "whence/core/target.h"
#include "whence/trees/ensemble.h"

namespace whence::trees {

/// margin[plus] - margin[minus]; -1: 0 stands there.
struct Form {
    int64_t plus = -1, minus = -1;
};

/// value >= need, where the value of several forms is soft: of `smallest` -log sum exp(-form) (the
/// log-odds of a class are that of its margin less each other one), of `largest` log sum exp(form).
struct Constraint {
    enum class Of { smallest, largest };
    std::vector<Form> forms;
    double need = 0;
    Of of = Of::smallest;

    [[nodiscard]] double value(const double* forms_values) const;
};

using Conjunction = std::vector<Constraint>;
/// Any of these. None: nothing meets it.
using Goal = std::vector<Conjunction>;

/// Classes of what EnsembleModel answers first; a single logistic output has two. 0: a number.
[[nodiscard]] int64_t classes_of(const Ensemble& ensemble);
/// The class with the highest probability is this one.
[[nodiscard]] Goal class_goal(const Ensemble& ensemble, int64_t index);
/// It is another one.
[[nodiscard]] Goal other_class_goal(const Ensemble& ensemble, int64_t index);

/// low <= value <= high of a scalar of EnsembleModel's outputs (either end may be infinite).
/// Throws Error(unsupported) for a difference that is no function of a difference of margins.
[[nodiscard]] Goal range_goal(const Ensemble& ensemble, const ResolvedTarget& target, double low,
                              double high);
/// value <= low or value >= high.
[[nodiscard]] Goal outside_goal(const Ensemble& ensemble, const ResolvedTarget& target, double low,
                                double high);

}  // namespace whence::trees
