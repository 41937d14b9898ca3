#pragma once
// How far a share of successes may be from its expectation.

#include <cstdint>

namespace whence::anchors {

/// KL divergence of Bernoulli(p) from Bernoulli(q): p ln(p/q) + (1-p) ln((1-p)/(1-q)), 0 ln 0 = 0;
/// infinite where q excludes what p allows.
[[nodiscard]] double kl_bernoulli(double p, double q);

/// The largest q in [p, 1] with KL(p, q) <= level, and the smallest in [0, p] (Kaufmann and
/// Kalyanakrishnan 2013, "Information complexity in bandit subset selection", section 4). Bisected
/// until the interval cannot be cut any more, and rounded outwards. level >= 0.
[[nodiscard]] double kl_upper(double p, double level);
[[nodiscard]] double kl_lower(double p, double level);

struct Interval {
    double low = 0, high = 1;
};

/// The exact interval of a binomial share: holds the true one with at least this probability,
/// whatever it is (Clopper and Pearson 1934). 0 <= hits <= drawn, drawn >= 1, confidence in (0, 1).
/// Cost: about 100 times `drawn` multiplications.
[[nodiscard]] Interval clopper_pearson(int64_t hits, int64_t drawn, double confidence);

}  // namespace whence::anchors
