#include "whence/shapley/some_players.h"

namespace whence::shapley {

SomePlayers::SomePlayers(const Game& game, const std::vector<bool>& plays) : game_(game) {
    for (size_t j = 0; j < plays.size(); ++j) {
        if (!plays[j]) continue;
        playing_.push_back(static_cast<int64_t>(j));
        if (!game.names().empty()) names_.push_back(game.names()[j]);
    }
}

std::vector<double> SomePlayers::values(MatrixView<const uint8_t> coalitions,
                                        const Run& run) const {
    const int64_t all = game_.players();
    if (players() == all) return game_.values(coalitions, run);
    std::vector<uint8_t> rows(coalitions.rows * all, 1);
    for (int64_t row = 0; row < coalitions.rows; ++row)
        for (int64_t j = 0; j < players(); ++j)
            rows[row * all + playing_[j]] = coalitions(row, j);
    return game_.values({rows.data(), coalitions.rows, all}, run);
}

Estimate SomePlayers::widened(Estimate estimate) const {
    estimate.values = widened(estimate.values);
    if (!estimate.standard_errors.empty() || players() == 0)
        estimate.standard_errors = widened(estimate.standard_errors);
    if (!estimate.interactions.empty())
        estimate.interactions = widened_matrix(estimate.interactions);
    if (!estimate.interaction_errors.empty())
        estimate.interaction_errors = widened_matrix(estimate.interaction_errors);
    return estimate;
}

std::vector<double> SomePlayers::widened(const std::vector<double>& values) const {
    std::vector<double> out(game_.players());
    for (size_t j = 0; j < playing_.size(); ++j) out[playing_[j]] = values[j];
    return out;
}

std::vector<double> SomePlayers::widened_matrix(const std::vector<double>& values) const {
    const int64_t all = game_.players();
    std::vector<double> out(all * all);
    for (size_t i = 0; i < playing_.size(); ++i)
        for (size_t j = 0; j < playing_.size(); ++j)
            out[playing_[i] * all + playing_[j]] = values[i * playing_.size() + j];
    return out;
}

}  // namespace whence::shapley
