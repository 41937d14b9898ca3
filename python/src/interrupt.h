#pragma once
// Work that leaves Python alone: without the interpreter's lock, and ended by Ctrl-C.

#include <nanobind/nanobind.h>

#include <atomic>
#include <functional>
#include <limits>
#include <optional>

#include "whence/core/run.h"

namespace whence::python {

namespace nb = nanobind;

/// What the caller says about how to run.
struct RunSettings {
    int threads = 0;
    std::optional<double> time_limit;  ///< seconds
    nb::object progress = nb::none();  ///< called with what, done, total
    nb::object early = nb::none();     ///< called with name, value, standard error
};

/// How long one kind of call took the last time: very short calls are not worth a thread.
class Pace {
 public:
    [[nodiscard]] bool quick(int64_t rows) const { return seconds_per_row_.load() * static_cast<double>(rows) < 0.01; }
    void record(double seconds, int64_t rows) {
        if (!fixed_) seconds_per_row_ = seconds / static_cast<double>(rows);
    }
    /// Work that calls Python stays on the caller's thread, however long it takes: Python code hears
    /// Ctrl-C by itself, and what it calls may know one thread only.
    void stay_in_place() {
        fixed_ = true;
        seconds_per_row_ = 0;
    }
    /// Work that waits for others may be slow at any time: it leaves the caller's thread to Ctrl-C.
    void stay_beside() { fixed_ = true; }

 private:
    bool fixed_ = false;
    std::atomic<double> seconds_per_row_ = std::numeric_limits<double>::infinity();
};

/// Does `work` without the interpreter's lock. Signals reach only Python's main thread and only when
/// it asks, so the work runs beside it while it asks; what a signal handler raises (KeyboardInterrupt)
/// stops the work and is raised here when the work has ended. Work that was quick the last time runs
/// in place.
void run_without_gil(const RunSettings& settings, Pace& pace, int64_t rows, const std::function<void(const Run&)>& work);

}  // namespace whence::python
