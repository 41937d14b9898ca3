#pragma once
// Mean and spread of independent repetitions of several numbers.

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace whence::shapley {

/// Welford's running mean and sum of squares.
class Spread {
  public:
    explicit Spread(int64_t size) : means_(size), squares_(size) {}

    void add(std::span<const double> values) {
        ++count_;
        for (size_t i = 0; i < values.size(); ++i) {
            const double before = values[i] - means_[i];
            means_[i] += before / static_cast<double>(count_);
            squares_[i] += before * (values[i] - means_[i]);
        }
    }

    [[nodiscard]] int64_t count() const { return count_; }
    [[nodiscard]] const std::vector<double>& means() const { return means_; }
    /// Of the means; empty before the second repetition.
    [[nodiscard]] std::vector<double> standard_errors() const {
        if (count_ < 2) return {};
        std::vector<double> out(squares_);
        const auto n = static_cast<double>(count_);
        for (double& value : out) value = std::sqrt(value / (n * (n - 1)));
        return out;
    }

  private:
    int64_t count_ = 0;
    std::vector<double> means_, squares_;
};

}  // namespace whence::shapley
