#pragma once
// Asks a game in blocks that fit into memory, counts what it asked and keeps to the time.

#include <chrono>
#include <functional>
#include <span>

#include "whence/shapley/estimate.h"

namespace whence::shapley {

/// Writes coalition i into a row of zeros.
using FillCoalition = std::function<void(int64_t i, std::span<uint8_t> row)>;

class Questions {
  public:
    /// Everything must outlive it.
    Questions(const Game& game, const Budget& budget, const Run& run);

    /// v of nobody and of everyone, once for each Questions.
    void ask_ends(Estimate& estimate);
    /// v of the first coalitions of `count`: all of them, or as many as the seconds of the budget
    /// allow. Throws Error(model) for a value that is not finite.
    [[nodiscard]] std::vector<double> ask(int64_t count, const FillCoalition& fill);

    [[nodiscard]] int64_t players() const { return players_; }
    [[nodiscard]] int64_t asked() const { return asked_; }
    /// The seconds of the budget are over.
    [[nodiscard]] bool late() const;
    /// Says in the estimate that time ended it.
    void state_late(Estimate& estimate) const;
    [[nodiscard]] const Run& run() const { return run_; }
    /// What progress is counted against.
    void expect(int64_t coalitions) { expected_ = coalitions; }

  private:
    [[nodiscard]] int64_t block() const;

    const Game& game_;
    const Run& run_;
    int64_t players_;
    double seconds_;
    std::chrono::steady_clock::time_point start_;
    int64_t asked_ = 0, expected_ = 0, timed_block_ = 4;
};

/// Whether the standard errors are below `tolerance` of the range of the values.
[[nodiscard]] bool within_tolerance(const Estimate& estimate, double tolerance);

}  // namespace whence::shapley
