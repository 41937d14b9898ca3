#pragma once
// How a computation runs: seed, threads, how to stop it, whom to tell. Passed down explicitly.

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace whence {

/// Told now and then how far a computation is. Called from the thread that started it.
/// `done` and `total` count model evaluations; total may grow while an adaptive method runs.
using Progress = std::function<void(std::string_view what, int64_t done, int64_t total)>;

/// What a method that samples would answer if it stopped now: its strongest value.
struct EarlyEstimate {
    int64_t feature = 0;        ///< number of the column, superpixel or word; -1: a rule
    std::string name;           ///< of the feature, or the rule; empty where features have no names
    double value = 0;           ///< of the feature; of a rule its precision
    double standard_error = 0;  ///< NaN where it is not known yet
};

/// Told each time a method that samples has a better estimate. Called from the thread that started
/// it.
using Early = std::function<void(const EarlyEstimate&)>;

struct Run {
    uint64_t seed = 0;
    /// Threads of Whence's own work (0: one per core). Results never depend on it.
    int threads = 0;
    std::stop_token stop;
    Progress progress;
    Early early;
    /// When everything must be over. Default: never.
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

    /// Throws Error(interrupted) if a stop was requested, OutOfReach(limit) past the deadline.
    void check() const;
    [[nodiscard]] bool late() const;
    void report(std::string_view what, int64_t done, int64_t total) const {
        if (progress) progress(what, done, total);
    }
    /// Tells `early` of the largest |value|; nothing where there are no values. `errors` and `names`
    /// have one entry for each value, or none.
    void report_early(std::span<const double> values, std::span<const double> errors,
                      const std::vector<std::string>& names) const;
};

}  // namespace whence
