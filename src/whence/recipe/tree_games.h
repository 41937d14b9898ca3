#pragma once
// Answers of tree ensembles that are no sum over trees (probabilities, log-probabilities, anything
// behind a link), against a background. Private to this folder.

#include "whence/recipe/held_trees.h"
#include "whence/recipe/methods.h"
#include "whence/shapley/estimate.h"
#include "whence/trees/shap/ensemble_game.h"

namespace whence::recipe {

/// A task's row as the trees read it, and its target as they know it.
struct HeldRow {
    /// Throws as HeldTrees; Error(unsupported) for a scale in which the trees' answers are not.
    explicit HeldRow(const Task& task);

    [[nodiscard]] const trees::EnsembleModel& model() const { return trees->model(); }
    [[nodiscard]] Batch batch() const { return Batch({{"features", row}}); }

    Tensor row;
    std::shared_ptr<const HeldTrees> trees;
    Target target;
};

/// Whether it is such an answer that is asked for: a scale other than raw, or an output other than
/// the margin by name.
[[nodiscard]] bool asks_behind_link(const HeldRow& held);

/// Whether it is what the answer costs that is asked for (--link log-loss, squared-error).
[[nodiscard]] bool asks_loss(const Task& task);

/// The row's values by the game of trees::EnsembleGame: from all coalitions where the row and the
/// background differ in at most EnsembleGame::most_tabulated features that the trees use, else
/// sampled. With `pairs`, interactions, too.
[[nodiscard]] Explanation explain_behind_link(const Task& task, const HeldRow& held, bool pairs);

/// `target`, settled for any output of the model, as the margin that speaks for it (of two classes
/// with one margin: for the second). Throws Error(usage) for a difference of one margin.
[[nodiscard]] ResolvedTarget margin_of(ResolvedTarget target, const trees::EnsembleModel& model);

/// Shapley values of a game: from all coalitions, or by kernel-shap.
[[nodiscard]] Estimate shapley_estimate(const trees::EnsembleGame& game, const Budget& budget,
                                        const Run& run);

/// Options of explain_behind_link.
[[nodiscard]] std::vector<OptionSpec> behind_link_options();

}  // namespace whence::recipe
