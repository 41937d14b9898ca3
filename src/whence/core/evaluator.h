#pragma once
// One model, one target, many perturbed inputs: the batched evaluator that every black-box method
// and metric shares. It counts, reports progress and stops when asked.

#include <functional>
#include <span>
#include <vector>

#include "whence/core/model.h"

namespace whence {

/// Fills `batch` with the model inputs number [first, first + batch.rows()). The batch arrives as
/// copies of the evaluator's template row or as the rows of an earlier call: every row must be
/// written whole where it differs from the template.
using FillRows = std::function<void(int64_t first, Batch& batch)>;

/// Told after each batch what the inputs asked so far got.
using Seen = std::function<void(std::span<const double> values)>;

class Evaluator {
 public:
    /// `run` must outlive the evaluator.
    Evaluator(const Model& model, ResolvedTarget target, const Run& run)
        : model_(model), target_(std::move(target)), run_(run) {}

    /// Target value of every row of `inputs`.
    [[nodiscard]] std::vector<double> scores(const Batch& inputs);

    /// Target values of `count` inputs made on the fly, batch by batch, starting from copies of
    /// `input` (one row). `what` names the work for the progress bar. Where batches end depends on
    /// the model alone. Where the model gets out of reach the exception carries the values there are.
    [[nodiscard]] std::vector<double> scores(const Batch& input, int64_t count, const FillRows& fill,
                                             std::string_view what, const Seen& seen = nullptr);

    [[nodiscard]] int64_t evaluations() const { return evaluations_; }
    [[nodiscard]] const ResolvedTarget& target() const { return target_; }
    [[nodiscard]] const Run& run() const { return run_; }

 private:
    const Model& model_;
    ResolvedTarget target_;
    const Run& run_;
    int64_t evaluations_ = 0;
};

}  // namespace whence
