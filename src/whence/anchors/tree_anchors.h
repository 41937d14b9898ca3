#pragma once
// Anchors of tree ensembles: a rule that suffices for the prediction, with proof.
//
// A box around the row, low < x <= high of numbers, sets of categories, in all of which the
// ensemble gives the same prediction: a sufficient reason in box form (an abductive explanation;
// Ignatiev, Narodytska, Marques-Silva 2019, "Abduction-based explanations for machine learning
// models"; Izza, Ignatiev, Stuckey, Marques-Silva 2023, "Delivering inflated explanations" for the
// widening). What is asked again and again is whether a box holds a row with another prediction:
// branch and bound over boxes of leaves answers, with a row or with the proof that there is none
// (trees/search/search.h).
//
// 1. The box begins as the row's own cell between thresholds: there every row is the same to the
//    trees.
// 2. Conditions go, the column that matters least by itself first, where the rest still suffices.
// Of
//    those that stay each has a witness: a row that keeps all others and gets another prediction.
// 3. Intervals grow threshold by threshold and sets category by category, in turns, until no side
//    can grow by one more.
//
// Cost: some hundred questions, each exponential in the worst case; the budget bounds all of them
// together, and what it leaves open is kept: the rule suffices in any case. When it misleads: the
// guarantee is for every row one could write down, not only for those that occur, so rules are
// longer than those of AnchorTabular, which nearly suffice for likely rows; there are many minimal
// rules, and this is one of them.

#include <memory>
#include <string_view>

#include "whence/core/explainer.h"
#include "whence/core/schema.h"
#include "whence/trees/ensemble_model.h"

namespace whence {

struct TreeAnchorOptions {
    /// Which columns may have no value in a row that the rule speaks of.
    enum class Missing {
        automatic,  ///< those of which the background misses some; without a background all
        all,
        none,
    };
    /// Outputs of one number: how far an answer may lie from this one and be the same prediction.
    double within = 0;
    bool widen = true;
    Missing missing = Missing::automatic;  ///< never against the schema's allows_missing
    int64_t budget = 1000000;              ///< boxes that may be bounded; at least 1
};

/// "auto", "all", "none". Throws Error(usage).
[[nodiscard]] TreeAnchorOptions::Missing parse_missing(std::string_view text);

/// The result is in Explanation::rule: precision 1, which is proven; coverage of the background's
/// rows, NaN where there are none. The attribution is 1 for the columns that the rule names, else
/// 0. Notes say what is proven, and each condition's witness.
class TreeAnchors : public Explainer {
  public:
    /// `model` must outlive it; `schema`: its columns, in its order. `background`: float64 [rows,
    /// columns], rows may be none. Throws Error(input) where they do not fit, Error(usage) for
    /// options that make no sense.
    TreeAnchors(const trees::EnsembleModel& model, Schema schema,
                std::shared_ptr<const Tensor> background, TreeAnchorOptions options = {});
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const trees::EnsembleModel& model_;
    Schema schema_;
    std::shared_ptr<const Tensor> background_;
    TreeAnchorOptions options_;
};

}  // namespace whence
