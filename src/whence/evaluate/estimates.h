#pragma once
// Intervals and comparisons over samples, by resampling them.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "whence/core/score_card.h"
#include "whence/evaluate/registry.h"

namespace whence::evaluate {

/// The mean of the scores that are defined among the samples asked for.
[[nodiscard]] Statistic mean_of(std::vector<double> scores);

/// Positions of resampled samples, the same for every metric and method, so that differences are
/// paired: [resample][sample].
class Resamples {
  public:
    Resamples(int64_t samples, int64_t count, uint64_t seed);
    [[nodiscard]] int64_t count() const { return count_; }
    [[nodiscard]] int64_t samples() const { return samples_; }
    [[nodiscard]] std::span<const int64_t> operator[](int64_t resample) const;

  private:
    int64_t samples_, count_;
    std::vector<int64_t> positions_;
};

/// Fewer pairs than this decide nothing at 95 %: even if all differ in one direction the sign test
/// says p = 2 / 2^n.
inline constexpr int64_t fewest_pairs = 6;

/// One statistic on every resample, NaN where it is not defined there.
[[nodiscard]] std::vector<double> resampled(const Statistic& statistic, const Resamples& resamples,
                                            const Run& run);

/// Ends of the interval that leaves out `outside` of the finite values, half on each side (linear
/// interpolation between order statistics). None where fewer than half of the values are finite.
struct Interval {
    double low, high;
};
[[nodiscard]] std::optional<Interval> percentiles(std::vector<double> values,
                                                  double outside = 0.05);

/// A method under one metric.
struct Competitor {
    double value = 0;            ///< NaN: it has none
    std::vector<double> scores;  ///< of each sample; empty: the value is of the data set
    std::vector<double> again;   ///< the value on every resample
};
/// Whether `a` is distinguishably better than `b`: the interval of the difference, paired by
/// samples (those for which both are defined), leaves out `outside` and lies on its side of 0.
[[nodiscard]] bool distinguishably_better(const Competitor& a, const Competitor& b,
                                          bool higher_is_better, const Resamples& resamples,
                                          double outside, const Run& run);

/// For each method those that it is distinguishably better than, at 95 % for all comparisons of one
/// method together (Bonferroni).
[[nodiscard]] std::vector<std::vector<int64_t>> comparisons(std::span<const Competitor> all,
                                                            bool higher_is_better,
                                                            const Resamples& resamples,
                                                            const Run& run);

}  // namespace whence::evaluate
