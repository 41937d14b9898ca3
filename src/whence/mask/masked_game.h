#pragma once
// Masker x Model x Target: what the model says, on average over the ways of filling in, when only
// some players are as in the input.

#include <string_view>

#include "whence/core/evaluator.h"
#include "whence/core/game.h"
#include "whence/mask/masked_scores.h"
#include "whence/mask/masker.h"

namespace whence {

/// In which units the values of coalitions are compared. Applied to the mean over the background,
/// as shap does: link(mean of f), not mean of link(f).
enum class Link {
    identity,
    logit,     ///< log(p / (1 - p)) of a probability
    log_loss,  ///< -log p: what the class explained costs; attributions are then what raises the
               ///< loss
};
/// "identity", "logit", "log-loss".
[[nodiscard]] std::string_view name(Link link);
/// Throws Error(usage) naming the choices.
[[nodiscard]] Link parse_link(std::string_view text);
/// Throws Error(input) where a logit or logarithm does not exist: p outside (0, 1), or [0, 1] short
/// of the wrong end.
[[nodiscard]] double apply_link(Link link, double value);

/// v(S) = link( sum over fillings b of w_b f(x_S, b_notS) ).
class MaskedGame final : public Game {
  public:
    /// `model`, `masker` and `input` (one row, the masker's) must outlive the game.
    MaskedGame(const Model& model, ResolvedTarget target, const Masker& masker, const Batch& input,
               Link link = Link::identity);

    /// Asks `scores` instead of the model, where they say the same: rows of a few coalitions are
    /// asked of both, and where an answer differs by more than agreement, relative to the largest,
    /// the model goes on being asked. Returns whether they are used. They must outlive the game.
    bool use(const MaskedScores& scores, const Run& run);
    static constexpr double agreement = 1e-5;
    /// Rows that `use` asked the model for.
    [[nodiscard]] int64_t compared() const { return compared_; }

    [[nodiscard]] int64_t players() const override { return masker_.players(); }
    [[nodiscard]] const std::vector<std::string>& names() const override { return masker_.names(); }
    /// 1 where answers are put together: the model is not asked.
    [[nodiscard]] int64_t rows_per_value() const override {
        return scores_ ? 1 : masker_.fillings();
    }
    [[nodiscard]] std::vector<double> values(MatrixView<const uint8_t> coalitions,
                                             const Run& run) const override;

  private:
    [[nodiscard]] std::vector<double> asked(MatrixView<const uint8_t> coalitions,
                                            const Run& run) const;
    [[nodiscard]] double weight(int64_t way) const;
    [[nodiscard]] std::vector<double> linked(std::vector<double> sums) const;
    [[nodiscard]] std::vector<double> said(MatrixView<const uint8_t> coalitions, int64_t first,
                                           int64_t fillings) const;
    [[nodiscard]] std::vector<double> put_together(MatrixView<const uint8_t> coalitions,
                                                   const Run& run) const;

    const Model& model_;
    ResolvedTarget target_;
    const Masker& masker_;
    const Batch& input_;
    Link link_;
    const MaskedScores* scores_ = nullptr;
    int64_t compared_ = 0;
};

}  // namespace whence
