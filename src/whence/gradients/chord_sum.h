#pragma once
// The integral of a gradient along a path of any shape, from points on it.

#include <span>
#include <vector>

namespace whence::gradients {

/// Sum over the chords of the path of (p' - p) * (g + g') / 2, element by element: the trapezoid
/// rule of the line integral, exact where the gradient changes linearly along each chord. Points
/// come in order; two are kept.
class ChordSum {
  public:
    void add(std::span<const double> point, std::span<const double> gradient) {
        if (values_.empty()) values_.assign(point.size(), 0.0);
        for (size_t i = 0; i < point_.size(); ++i)
            values_[i] += (point[i] - point_[i]) * (gradient[i] + gradient_[i]) / 2;
        point_.assign(point.begin(), point.end());
        gradient_.assign(gradient.begin(), gradient.end());
    }
    [[nodiscard]] const std::vector<double>& values() const { return values_; }

  private:
    std::vector<double> values_, point_, gradient_;
};

}  // namespace whence::gradients
