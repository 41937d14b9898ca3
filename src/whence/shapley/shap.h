#pragma once
// The Shapley family as explainers of models: players, background and estimator make one.

#include <optional>
#include <string_view>
#include <variant>

#include "whence/core/explainer.h"
#include "whence/mask/masked_game.h"
#include "whence/shapley/background.h"
#include "whence/shapley/banzhaf.h"
#include "whence/shapley/exact.h"
#include "whence/shapley/interactions.h"
#include "whence/shapley/kernel.h"
#include "whence/shapley/linear.h"
#include "whence/shapley/partition.h"
#include "whence/shapley/permutation.h"

namespace whence {

/// How the values are found.
using ShapMethod = std::variant<ExactShap, KernelShap, PermutationShap, SamplingShap, PartitionShap,
                                LinearShap, ShapInteractions, Banzhaf>;

/// "exact-shap", "kernel-shap", "permutation-shap", "sampling-shap", "partition-shap",
/// "linear-shap", "shap-interactions", "banzhaf".
[[nodiscard]] std::string_view name(const ShapMethod& method);

[[nodiscard]] Estimate estimate(const Game& game, const ShapMethod& method, const Run& run);

/// What is there or missing as one: columns, groups of columns, superpixels.
struct Players {
    /// Of each element of the explained input: which player it belongs to, -1: none (see LabelMasker).
    std::vector<int32_t> labels;
    /// Of each player, or empty: its name, and what it is in this input as a person reads it.
    std::vector<std::string> names, displays;
    /// int32 [height, width] where players are superpixels.
    std::optional<Tensor> segments;
};

/// Explains one row by the game
///     v(S) = link( weighted mean over background rows b of f(x on S, b elsewhere) ),
/// the interventional ("marginal") expectation: players are taken as independent of one another, so
/// rows are asked that no one has seen, and columns that move together are torn apart.
///
/// Players that are the same in the input and in all of the background are left out of the game and
/// get 0. The default scale is the probability, for linear-shap the logit. Cost: coalitions x
/// background rows.
class Shap : public Explainer {
  public:
    /// `model` must outlive this. The first input of float32 or float64 is explained; the background
    /// is cast to its type. Throws Error(usage) for options that make no sense.
    Shap(const Model& model, Players players, Background background, ShapMethod method,
         Link link = Link::identity);
    /// Lets `scorer` answer for the model where it can and agrees with the model
    /// (MaskedGame::use); the explanation says so. nullptr: nobody. Must outlive this.
    void answer_with(const MaskedScorer* scorer) { scorer_ = scorer; }
    /// Throws Error(input) where players or background do not fit the input; see the methods for
    /// what else.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const Model& model_;
    Players players_;
    Background background_;
    ShapMethod method_;
    Link link_;
    const MaskedScorer* scorer_ = nullptr;
};

/// The game of the players of any masker, words or players of several inputs among them: `input` is
/// one row, which the masker writes over. `hidden` says in words what stands for the missing. The
/// values are named as the masker names them. Otherwise as Shap.
[[nodiscard]] Explanation shap_of_players(const Model& model, const Masker& masker,
                                          const std::string& hidden, const ShapMethod& method,
                                          Link link, const Batch& input, const Target& target,
                                          const Run& run);

}  // namespace whence
