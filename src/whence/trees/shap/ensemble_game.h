#pragma once
// An ensemble's answer as a game: for answers that are no sum over trees (probabilities, losses),
// so that no formula for single trees holds.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "whence/core/game.h"
#include "whence/trees/ensemble_model.h"

namespace whence::trees {

/// What is explained of answers: one number for each row of what EnsembleModel::predict returns.
using Worth = std::function<std::vector<double>(const Batch& answers)>;

/// v(S) = weighted mean over background rows b of worth(the row with x on S and b elsewhere): the
/// game of InterventionalShap, of any worth. Players are the features that some split tells the row
/// from some background row by; no other feature can have a value.
///
/// No row is written out. A split asks only whether x and b go the same way; where they part, the
/// coalitions part, 512 at a time, a bit each. Of all coalitions together (table) the leaves of a
/// tree are a polynomial in the players' bits, whose 2^players values one transform gives.
///
/// Cost of `values`: for each background row and 512 coalitions, a walk to the leaves that x and b
/// can reach together. Of `table`, for each background row: those leaves, and players 2^players.
/// The worth comes on top, for each background row and coalition.
class EnsembleGame final : public Game {
  public:
    static constexpr int64_t most_tabulated = 16;  ///< players

    /// `model` must outlive the game. `weights` of the background as InterventionalShap. Throws
    /// Error(input) for a row or a background of another width, and as InterventionalShap.
    EnsembleGame(const EnsembleModel& model, Worth worth, std::span<const double> row,
                 MatrixView<const double> background, std::span<const double> weights = {});
    ~EnsembleGame() override;

    [[nodiscard]] int64_t players() const override;
    /// Of each player its column (of several, Ensemble::player).
    [[nodiscard]] const std::vector<int32_t>& features() const;
    [[nodiscard]] const std::vector<std::string>& names() const override { return names_; }
    [[nodiscard]] int64_t rows_per_value() const override;
    [[nodiscard]] std::vector<double> values(MatrixView<const uint8_t> coalitions,
                                             const Run& run) const override;
    /// v of all 2^players coalitions; bit i of the index says whether player i is there. Throws
    /// Error(limit) for more than most_tabulated players. The same bits on any number of threads.
    [[nodiscard]] std::vector<double> table(const Run& run) const;

  private:
    class Trees;
    const EnsembleModel& model_;
    Worth worth_;
    std::vector<std::string> names_;
    std::unique_ptr<const Trees> trees_;
};

}  // namespace whence::trees
