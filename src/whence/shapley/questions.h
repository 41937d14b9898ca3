#pragma once
// Asks a game in blocks that fit into memory, counts what it asked and knows when that ended.

#include <functional>
#include <optional>
#include <span>

#include "whence/core/error.h"
#include "whence/shapley/estimate.h"

namespace whence::shapley {

/// Writes coalition i into a row of zeros.
using FillCoalition = std::function<void(int64_t i, std::span<uint8_t> row)>;

class Questions {
  public:
    /// Everything must outlive it.
    Questions(const Game& game, const Budget& budget, const Run& run);

    /// v of nobody and of everyone, once for each Questions. Throws as ask_all.
    void ask_ends(Estimate& estimate);
    /// v of the first coalitions of `count`: all of them, or as many as could be asked until the
    /// time was over or the model out of reach. Throws Error(model) for a value that is not finite.
    [[nodiscard]] std::vector<double> ask(int64_t count, const FillCoalition& fill);
    /// All of them, or OutOfReach, which says that it was before `before`.
    [[nodiscard]] std::vector<double> ask_all(int64_t count, const std::string& before,
                                              const FillCoalition& fill);

    [[nodiscard]] int64_t players() const { return players_; }
    [[nodiscard]] int64_t asked() const { return asked_; }
    /// No more can be asked: the time is over, or the model out of reach.
    [[nodiscard]] bool over() const;
    /// Throws OutOfReach: over before there was an estimate, before `before`.
    [[noreturn]] void give_up(const std::string& before) const;
    /// Says in the estimate what ended it, if something did.
    void state_early_end(Estimate& estimate) const;
    /// Tells the watcher what the values are now.
    void tell(const Estimate& estimate) const {
        run_.report_early(estimate.values, estimate.standard_errors, game_.names());
    }
    [[nodiscard]] const Run& run() const { return run_; }
    /// What progress is counted against.
    void expect(int64_t coalitions) { expected_ = coalitions; }

  private:
    [[nodiscard]] int64_t block() const;

    const Game& game_;
    const Run& run_;
    int64_t players_;
    int64_t asked_ = 0, expected_ = 0;
    mutable std::optional<OutOfReach> cut_;
};

/// Whether the standard errors are below `tolerance` of the range of the values.
[[nodiscard]] bool within_tolerance(const Estimate& estimate, double tolerance);

}  // namespace whence::shapley
