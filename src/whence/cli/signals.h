#pragma once
// Ctrl-C, SIGTERM and the end of the time allowed.

#include <chrono>
#include <stop_token>
#include <thread>

namespace whence::cli {

/// Takes signals on a thread of its own. The first asks the run to stop, so that it ends with one
/// line and no half-written file; a second ends the process at once (exit status 130). Where the
/// run does not end by itself some seconds after the deadline, because something it waits for
/// cannot be asked to stop, the process is ended with the status of Error(limit).
class Signals {
  public:
    /// Blocks the signals in the calling thread: make it before any other thread starts.
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// Starts the thread.
    void watch(std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

  private:
    void loop(std::chrono::steady_clock::time_point deadline);

    std::stop_source stop_;
    std::stop_source done_;
    std::thread thread_;
};

}  // namespace whence::cli
