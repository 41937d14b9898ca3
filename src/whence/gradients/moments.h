#pragma once
// Mean and variance of every feature over samples that come one after the other.

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace whence::gradients {

/// Welford's recursion (1962, "Note on a method for calculating corrected sums of squares and
/// products"): two numbers a feature, however many samples.
class Moments {
  public:
    explicit Moments(size_t features) : mean_(features, 0.0), squares_(features, 0.0) {}

    void add(std::span<const double> sample) {
        const double share = 1 / static_cast<double>(++count_);
        for (size_t i = 0; i < mean_.size(); ++i) {
            const double off = sample[i] - mean_[i];
            mean_[i] += off * share;
            squares_[i] += off * (sample[i] - mean_[i]);
        }
    }

    [[nodiscard]] const std::vector<double>& mean() const { return mean_; }
    /// Of the samples themselves: divided by their number.
    [[nodiscard]] std::vector<double> variance() const {
        std::vector<double> out = squares_;
        for (double& v : out) v /= static_cast<double>(count_);
        return out;
    }
    /// Of the mean, as an estimate; empty for a single sample, which tells nothing about it.
    [[nodiscard]] std::vector<double> standard_errors() const {
        if (count_ < 2) return {};
        const auto n = static_cast<double>(count_);
        std::vector<double> out = squares_;
        for (double& v : out) v = std::sqrt(v / (n - 1) / n);
        return out;
    }

  private:
    int64_t count_ = 0;
    std::vector<double> mean_, squares_;
};

}  // namespace whence::gradients
