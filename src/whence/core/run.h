#pragma once
// How a computation runs: seed, threads, how to stop it, whom to tell. Passed down explicitly.

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>

namespace whence {

/// Told now and then how far a computation is. Called from the thread that started it.
/// `done` and `total` count model evaluations; total may grow while an adaptive method runs.
using Progress = std::function<void(std::string_view what, int64_t done, int64_t total)>;

struct Run {
    uint64_t seed = 0;
    /// Threads of Whence's own work (0: one per core). Results never depend on it.
    int threads = 0;
    std::stop_token stop;
    Progress progress;
    /// When everything must be over. Default: never.
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

    /// Throws Error(interrupted) if a stop was requested, Error(limit) past the deadline.
    void check() const;
    void report(std::string_view what, int64_t done, int64_t total) const {
        if (progress) progress(what, done, total);
    }
};

}  // namespace whence
