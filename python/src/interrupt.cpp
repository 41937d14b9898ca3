#include "interrupt.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "whence/core/error.h"

namespace whence::python {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto signal_interval = std::chrono::milliseconds(50);

Run make_run(const RunSettings& settings) {
    Run run;
    run.threads = settings.threads;
    if (settings.time_limit) {
        if (!(*settings.time_limit > 0)) throw Error(ErrorKind::usage, "time_limit must be a positive number of seconds");
        constexpr double most = 1e9;  // thirty years: beyond, the clock's numbers end
        if (*settings.time_limit < most)
            run.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*settings.time_limit));
    }
    if (!settings.progress.is_none())
        run.progress = [&settings](std::string_view what, int64_t done, int64_t total) {
            const nb::gil_scoped_acquire gil;
            settings.progress(nb::str(what.data(), what.size()), done, total);
        };
    if (!settings.early.is_none())
        run.early = [&settings](const EarlyEstimate& early) {
            const nb::gil_scoped_acquire gil;
            const std::string name = early.name.empty() ? "feature " + std::to_string(early.feature) : early.name;
            settings.early(nb::str(name.data(), name.size()), early.value, early.standard_error);
        };
    return run;
}

// The exception a signal handler raised, if one did. Asks nothing of threads other than the main one.
std::exception_ptr pending_signal() {
    const nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() == 0) return nullptr;
    try {
        nb::raise_python_error();
    } catch (...) {
        return std::current_exception();
    }
}

void run_in_place(Run run, const std::function<void(const Run&)>& work) {
    const nb::gil_scoped_release released;
    auto asked = Clock::now();
    run.progress = [&asked, told = run.progress](std::string_view what, int64_t done, int64_t total) {
        if (told) told(what, done, total);
        if (Clock::now() - asked < signal_interval) return;
        asked = Clock::now();
        if (const auto raised = pending_signal()) std::rethrow_exception(raised);
    };
    work(run);
}

void run_beside(Run run, const std::function<void(const Run&)>& work) {
    const nb::gil_scoped_release released;
    std::stop_source stop;
    run.stop = stop.get_token();
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    std::exception_ptr failed, raised;
    std::thread worker([&] {
        try {
            work(run);
        } catch (...) {
            failed = std::current_exception();
        }
        const std::lock_guard lock(mutex);
        done = true;
        changed.notify_one();
    });
    {
        std::unique_lock lock(mutex);
        while (!changed.wait_for(lock, signal_interval, [&] { return done; })) {
            if (raised) continue;
            lock.unlock();
            if ((raised = pending_signal())) stop.request_stop();
            lock.lock();
        }
    }
    worker.join();
    if (raised) std::rethrow_exception(raised);
    if (failed) std::rethrow_exception(failed);
}

}  // namespace

void run_without_gil(const RunSettings& settings, Pace& pace, int64_t rows, const std::function<void(const Run&)>& work) {
    Run run = make_run(settings);
    const auto start = Clock::now();
    (pace.quick(rows) ? run_in_place : run_beside)(std::move(run), work);
    pace.record(std::chrono::duration<double>(Clock::now() - start).count(), rows);
}

}  // namespace whence::python
