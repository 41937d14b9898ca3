#pragma once
// The straight line from the baseline to the input, and the model along it.

#include <functional>
#include <span>
#include <vector>

#include "whence/gradients/explained_input.h"

namespace whence::gradients {

/// The model at one point x0 + position * (x - x0).
struct PathPoint {
    double position = 0;
    double value = 0;                  ///< target
    double slope = 0;                  ///< derivative of the target along the line
    std::span<const double> gradient;  ///< with respect to the input; valid during the call only
};

using PointSink = std::function<void(const PathPoint& point)>;

/// Asks the model in batches of its preferred size, keeps no gradient, counts and reports. Rows end
/// up in the sink in the order asked. Throws Error(model) where the model returns no finite number.
class LinePath {
  public:
    /// Everything borrowed must outlive the path. An open target is settled by the first point
    /// asked, which must therefore be the input (position 1) alone.
    LinePath(const DifferentiableModel& model, const Batch& input, const ExplainedInput& explained,
             const Tensor& baseline, OpenTarget& target, const Run& run);

    void gradients(std::span<const double> positions, const PointSink& sink);
    /// Forward only.
    [[nodiscard]] std::vector<double> values(std::span<const double> positions);

    /// x - x0.
    [[nodiscard]] std::span<const double> direction() const { return direction_; }
    [[nodiscard]] int64_t preferred_batch() const;
    /// Relative rounding of one number of this model's arithmetic.
    [[nodiscard]] double epsilon() const;
    /// Gradient evaluations still to come, for the progress bar alone.
    void expect(int64_t more) { total_ = evaluations_ + gradient_evaluations_ + more; }
    [[nodiscard]] int64_t evaluations() const { return evaluations_; }
    [[nodiscard]] int64_t gradient_evaluations() const { return gradient_evaluations_; }

  private:
    GradientResult ask(std::span<const double> positions, bool with_gradient);
    void place(std::span<const double> positions);

    const DifferentiableModel& model_;
    const Batch& input_;
    const ExplainedInput& explained_;
    OpenTarget& target_;
    const Run& run_;
    std::vector<double> from_, direction_;
    Batch rows_;
    int64_t evaluations_ = 0, gradient_evaluations_ = 0, total_ = 0;
};

/// The mean gradient along the line, and how far it may be trusted.
struct PathIntegral {
    std::vector<double> gradient;
    double value = 0, baseline_value = 0;  ///< the target at both ends
    bool converged = false;
    std::vector<std::string> notes;
};

}  // namespace whence::gradients
