#pragma once
// Whether the model says of another input what it says of this one.

#include <string>
#include <vector>

#include "whence/core/evaluator.h"
#include "whence/core/model.h"

namespace whence::anchors {

/// Of several classes: the top class is the same. Of one probability or logit: it lies on the same
/// side of one half. Of one other number: it differs by at most `within`.
class Judge {
  public:
    /// Asks the model about `input` (one row). `model`, `input` and `run` must outlive this. Throws
    /// Error(usage) where the target is not what the model predicts for this input, a difference of
    /// classes, or one number without `within` (0: not given) to compare by.
    Judge(const Model& model, const Target& target, const Batch& input, double within,
          const Run& run);

    /// For each of `count` inputs made on the fly whether the prediction is the same (1 or 0).
    /// Throws OutOfReach with the first answers.
    [[nodiscard]] std::vector<uint8_t> same(int64_t count, const FillRows& fill);

    [[nodiscard]] const ResolvedTarget& target() const { return target_; }
    /// The target's value at the input.
    [[nodiscard]] double value() const { return value_; }
    /// The score of the target's output there, in its own units.
    [[nodiscard]] double own() const { return own_; }
    /// What "the same prediction" means here, in words.
    [[nodiscard]] std::string meaning() const;
    [[nodiscard]] int64_t evaluations() const { return evaluations_; }

  private:
    enum class Kind { top_class, side, near };
    [[nodiscard]] bool agrees(std::span<const double> scores) const;

    const Model& model_;
    const Batch& input_;
    const Run& run_;
    ResolvedTarget target_;
    Kind kind_ = Kind::top_class;
    double within_ = 0, middle_ = 0, own_ = 0;
    double value_ = 0;
    int64_t evaluations_ = 0;
};

}  // namespace whence::anchors
