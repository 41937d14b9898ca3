#pragma once
// A game without the players that change nothing.

#include <vector>

#include "whence/shapley/estimate.h"

namespace whence::shapley {

/// The game of those who play; the others are always there.
class SomePlayers final : public Game {
  public:
    /// `game` must outlive it; `plays` has one entry for each of its players.
    SomePlayers(const Game& game, const std::vector<bool>& plays);

    [[nodiscard]] int64_t players() const override { return static_cast<int64_t>(playing_.size()); }
    [[nodiscard]] const std::vector<std::string>& names() const override { return names_; }
    [[nodiscard]] int64_t rows_per_value() const override { return game_.rows_per_value(); }
    [[nodiscard]] std::vector<double> values(MatrixView<const uint8_t> coalitions,
                                             const Run& run) const override;

    /// The number in the whole game of player j of those who play.
    [[nodiscard]] int64_t original(int64_t j) const { return playing_.at(j); }
    /// What was found of those who play as an estimate of all: the others have 0, without error.
    [[nodiscard]] Estimate widened(Estimate estimate) const;

  private:
    [[nodiscard]] std::vector<double> widened(const std::vector<double>& values) const;
    [[nodiscard]] std::vector<double> widened_matrix(const std::vector<double>& values) const;

    const Game& game_;
    std::vector<int64_t> playing_;
    std::vector<std::string> names_;
};

}  // namespace whence::shapley
