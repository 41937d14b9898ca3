#pragma once
// Calls back when a deadline passes: how a run that never ends is ended.

#include <chrono>
#include <functional>

namespace whence::runtime {

/// While it lives, `expired` is called (once, from another thread) if the deadline passes. The
/// destructor waits for a call that is under way.
class Watchdog {
 public:
    Watchdog(std::chrono::steady_clock::time_point deadline, std::function<void()> expired);
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

 private:
    uint64_t id_ = 0;
};

}  // namespace whence::runtime
