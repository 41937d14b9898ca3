#pragma once
// Asks the model for its answer to changed rows, in batches, within a budget. Private to this
// folder.

#include "whence/core/model.h"
#include "whence/counterfactual/features.h"
#include "whence/counterfactual/wanted.h"

namespace whence::counterfactual {

/// The only tensor of `input`: one row of float64, [1, columns]. Throws Error(input) for anything
/// else, infinity, and NaN where the column allows no missing value.
[[nodiscard]] const Tensor& table_row(const Batch& input, const Schema& schema);

/// One feature's new value.
struct Edit {
    size_t feature = 0;
    double value = 0;
};

/// A state and what is changed in it. The state is borrowed: thousands of variants share few.
struct Variant {
    const State* base = nullptr;
    std::vector<Edit> edits;
    [[nodiscard]] State state() const;
};

class Oracle {
  public:
    /// Asks the model about the input itself (once, or twice where the target is its top class).
    /// All arguments must outlive it. `budget`: rows that may be asked in all.
    Oracle(const Model& model, const Features& features, const Batch& input, const Target& target,
           const Wanted& wanted, int64_t budget, const Run& run);

    /// A verdict for each variant; those beyond the budget are not asked and not valid.
    [[nodiscard]] std::vector<Verdict> ask(const std::vector<Variant>& variants);
    [[nodiscard]] std::vector<Verdict> ask(const std::vector<State>& states);
    /// The model's input for a state.
    [[nodiscard]] Tensor row(const State& state) const;
    /// Verdict and the target's value at each state; asked whatever the budget.
    struct Answer {
        Verdict verdict;
        double value = 0;
    };
    [[nodiscard]] std::vector<Answer> answers(const std::vector<State>& states);

    [[nodiscard]] const Features& features() const { return features_; }
    [[nodiscard]] const Judge& judge() const { return *judge_; }
    [[nodiscard]] const State& input() const { return input_state_; }
    [[nodiscard]] const std::string& input_name() const { return input_name_; }
    [[nodiscard]] double input_value() const { return input_value_; }
    [[nodiscard]] int64_t evaluations() const { return evaluations_; }
    [[nodiscard]] int64_t left() const { return std::max<int64_t>(0, budget_ - evaluations_); }
    [[nodiscard]] const Run& run() const { return run_; }

  private:
    void write(const State& state, std::span<double> cells) const;
    [[nodiscard]] Batch predict(std::span<const Variant> variants);

    const Model& model_;
    const Features& features_;
    const Run& run_;
    std::string input_name_;
    Tensor input_row_;
    State input_state_;
    std::vector<double> input_cells_;
    std::optional<Judge> judge_;
    double input_value_ = 0;
    int64_t budget_ = 0, evaluations_ = 0;
};

}  // namespace whence::counterfactual
