#pragma once
// The nearest row to which an ensemble of trees gives another answer: exact, from the trees.

#include <memory>

#include "whence/counterfactual/counterfactual.h"
#include "whence/trees/ensemble_model.h"

namespace whence {

struct TreeCounterfactualOptions {
    /// What "nearest" means.
    enum class Objective {
        distance,  ///< the sum of |change| / MAD, 1 for another category
        changes,   ///< the number of features that change; of those the nearest by distance
    };
    Wanted wanted;
    Constraints constraints;
    Objective objective = Objective::distance;
    /// Numbers keep the decimals of the background (integers stay integers). Without it they stop
    /// at the first number behind a threshold that the trees can read.
    bool keep_decimals = true;
    int64_t budget = 1000000;  ///< boxes that may be bounded; at least 1
    std::vector<std::string> classes;
    /// By column, 1: its numbers are whole, whatever the background says. Empty: none is known to
    /// be.
    std::vector<uint8_t> whole;
};

/// One row: no row that the constraints allow gets the wanted answer at a smaller distance. It is
/// found by branch and bound over boxes of leaves (trees/search/search.h), asked of the model, and
/// a note says that it is proven minimal; where the budget or the time ends first,
/// Counterfactuals::lower_bound and a note say how near another one may be at most; where there is
/// none, that this is proven.
///
/// Distances and constraints are those of DiverseCounterfactuals; ties and bounds are exact up to
/// rounding (1e-12 of a distance), among rows of float32 numbers where the trees read float32. A
/// missing value stays missing or becomes any allowed value at a cost of 1.
///
/// Cost: exponential in the worst case; the budget bounds it. Misleads where the model is sure of
/// rows that do not occur: the nearest row of the model's need not be anybody's; look at `to_data`.
class TreeCounterfactual : public Explainer {
  public:
    /// `model` must outlive it; `features`: its columns, in its order, the background of no rows
    /// allowed (then MAD is 1 and nothing limits numbers). Throws Error(input) where they do not
    /// fit, Error(usage) for options that make no sense.
    TreeCounterfactual(const trees::EnsembleModel& model,
                       std::shared_ptr<const counterfactual::Features> features,
                       TreeCounterfactualOptions options = {});
    ~TreeCounterfactual() override;
    /// Throws Error(usage) where constraints do not fit the row, Error(unsupported) for a range of
    /// a difference of probabilities.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const trees::EnsembleModel& model_;
    TreeCounterfactualOptions options_;
    std::shared_ptr<const counterfactual::Features> features_;
};

}  // namespace whence
