#pragma once
// The score that Wachter's method moves, with its gradient. Private to this folder.

#include "whence/counterfactual/oracle.h"

namespace whence::counterfactual {

/// p(x') and dp/dx' of states that differ from the input in some numbers only. With a wanted class
/// its probability; with any other class wanted, of the best other class at x'; with a range the
/// target.
class Score {
  public:
    /// `moving`: the features that change. `differentiable` may be null.
    Score(const Model& model, const DifferentiableModel* differentiable, const Oracle& oracle,
          std::vector<size_t> moving, const Run& run);

    struct Point {
        double value = 0;
        std::vector<double> gradient;  ///< for each moving feature, per MAD
    };
    [[nodiscard]] std::vector<Point> at(const std::vector<State>& states);

    [[nodiscard]] int64_t evaluations() const { return evaluations_; }
    [[nodiscard]] int64_t gradient_evaluations() const { return gradient_evaluations_; }

  private:
    [[nodiscard]] Batch rows(const std::vector<State>& states) const;
    [[nodiscard]] Batch predict(const Batch& batch);
    [[nodiscard]] ResolvedTarget target_for(int64_t index) const;
    [[nodiscard]] bool turned(int64_t index) const;
    /// The class whose probability counts at each row; -1: the target itself.
    [[nodiscard]] std::vector<int64_t> classes_at(const Batch& outputs) const;
    [[nodiscard]] std::vector<double> values(const Batch& outputs,
                                             const std::vector<int64_t>& classes) const;
    [[nodiscard]] std::vector<Point> by_gradient(const std::vector<State>& states);
    [[nodiscard]] std::vector<Point> by_differences(const std::vector<State>& states);

    const Model& model_;
    const DifferentiableModel* differentiable_;
    const Oracle& oracle_;
    std::vector<size_t> moving_;
    const Run& run_;
    int64_t evaluations_ = 0, gradient_evaluations_ = 0;
};

}  // namespace whence::counterfactual
