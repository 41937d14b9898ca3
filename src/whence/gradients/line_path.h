#pragma once
// The straight line from the baseline to the input, and the model along it.

#include <functional>
#include <span>
#include <vector>

#include "whence/gradients/inquiry.h"

namespace whence::gradients {

/// The model at one point x0 + position * (x - x0).
struct PathPoint {
    double position = 0;
    double value = 0;                  ///< target
    double slope = 0;                  ///< derivative of the target along the line
    std::span<const double> gradient;  ///< with respect to the input; valid during the call only
};

using PointSink = std::function<void(const PathPoint& point)>;

/// Asks the inquiry at positions along the line. Rows end up in the sink in the order asked.
class LinePath {
  public:
    /// The inquiry must outlive the path. Its first question must be the input (position 1) alone.
    LinePath(Inquiry& inquiry, std::vector<double> baseline);

    void gradients(std::span<const double> positions, const PointSink& sink);
    /// Forward only.
    [[nodiscard]] std::vector<double> values(std::span<const double> positions);
    /// The points at these positions, for questions of another kind.
    [[nodiscard]] Place place(std::span<const double> positions) const;

    /// x - x0.
    [[nodiscard]] std::span<const double> direction() const { return direction_; }
    [[nodiscard]] int64_t preferred_batch() const { return inquiry_.preferred_batch(); }
    [[nodiscard]] double epsilon() const { return inquiry_.epsilon(); }
    void expect(int64_t more) { inquiry_.expect(more); }
    [[nodiscard]] int64_t gradient_evaluations() const { return inquiry_.gradient_evaluations(); }

  private:
    Inquiry& inquiry_;
    std::vector<double> from_, direction_;
};

/// The mean gradient along the line, and how far it may be trusted.
struct PathIntegral {
    std::vector<double> gradient;
    double value = 0, baseline_value = 0;  ///< the target at both ends
    bool converged = false;
    std::vector<std::string> notes;
};

}  // namespace whence::gradients
