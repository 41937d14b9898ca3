#pragma once
// A table and what a model said of it: all that distillation needs to know.

#include <functional>
#include <span>
#include <vector>

#include "whence/perturb/tree.h"

namespace whence::surrogate {

using perturb::Answers;
using perturb::check;
using perturb::value_at;

/// Rows to learn from and rows to measure on, drawn with run.seed: a quarter is held out; of fewer
/// than 20 rows none is, and the fidelity is that of the rows learned from.
struct Split {
    std::vector<int64_t> training, test;
    bool held_out = false;
};
[[nodiscard]] Split split_rows(int64_t rows, const Run& run);

/// The value a rule list or a linear model gives a row, as perturb::value_at does of a tree.
[[nodiscard]] double value_at(const RuleList& rules, const Schema& schema,
                              std::span<const double> row);
[[nodiscard]] double value_at(const LinearSurrogate& linear, std::span<const double> row);

/// How well a surrogate stands for the model on the split's test rows (weighted).
[[nodiscard]] Fidelity fidelity(const Answers& answers, const Split& split,
                                const std::function<double(std::span<const double>)>& surrogate);

}  // namespace whence::surrogate
