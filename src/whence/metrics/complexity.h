#pragma once
// How much there is to read in an explanation. Signs do not count: a = |values|, n of them.
//
// Each throws Error(input) for no values or one that is not a finite number. Low complexity is not
// faithfulness: a map that always shows the same one pixel has the best of scores.

#include <cstdint>
#include <span>

namespace whence::metrics {

/// Gini's index sum_i (2i - n - 1) a_(i) / (n sum a), a_(i) ascending (Chalasani et al. 2020,
/// "Concise explanations of neural networks using adversarial training"; Hurley, Rickard
/// 2009). In [0, 1 - 1/n]: 0 where all are equal (all 0 among them), higher is sparser. O(n log n).
[[nodiscard]] double sparseness(std::span<const double> values);

/// Entropy -sum p ln p of p = a / sum a, in nats (Bhatt, Weller, Moura 2020, "Evaluating and
/// aggregating feature-based model explanations"). In [0, ln n], lower is simpler. Where
/// all are 0 it is ln n: nothing is singled out.
[[nodiscard]] double complexity(std::span<const double> values);

/// Number of values with a > threshold * max a (Nguyen, Martinez 2020, "On quantitative aspects of
/// model interpretability", name the idea; the threshold on the attribution is Quantus's). In [0,
/// n], lower is simpler. Throws Error(usage) unless the threshold is in [0, 1).
[[nodiscard]] int64_t effective_complexity(std::span<const double> values, double threshold = 1e-5);

}  // namespace whence::metrics
