#include "whence/runtime/watchdog.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace whence::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// One thread for all deadlines of the process, started with the first.
class Timer {
 public:
    static Timer& instance() {
        static Timer timer;
        return timer;
    }

    uint64_t arm(Clock::time_point deadline, std::function<void()> expired) {
        const std::lock_guard lock(mutex_);
        const uint64_t id = ++last_id_;
        pending_.emplace(id, Entry{deadline, std::move(expired)});
        changed_.notify_all();
        return id;
    }

    void disarm(uint64_t id) {
        std::unique_lock lock(mutex_);
        pending_.erase(id);
        changed_.wait(lock, [&] { return calling_ != id; });
    }

 private:
    struct Entry {
        Clock::time_point deadline;
        std::function<void()> expired;
    };

    Timer() : thread_([this](const std::stop_token& stop) { loop(stop); }) {}

    void loop(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (!stop.stop_requested()) {
            auto next = pending_.end();
            for (auto entry = pending_.begin(); entry != pending_.end(); ++entry)
                if (next == pending_.end() || entry->second.deadline < next->second.deadline) next = entry;
            if (next == pending_.end()) {
                changed_.wait(lock, stop, [&] { return !pending_.empty(); });
            } else if (Clock::now() < next->second.deadline) {
                const auto until = next->second.deadline;
                const uint64_t seen = last_id_;
                changed_.wait_until(lock, stop, until, [&] { return last_id_ != seen; });
            } else {
                calling_ = next->first;
                const std::function<void()> expired = std::move(next->second.expired);
                pending_.erase(next);
                lock.unlock();
                expired();
                lock.lock();
                calling_ = 0;
                changed_.notify_all();
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<uint64_t, Entry> pending_;
    uint64_t last_id_ = 0, calling_ = 0;
    std::jthread thread_;  // last: it uses everything above
};

}  // namespace

Watchdog::Watchdog(Clock::time_point deadline, std::function<void()> expired) {
    if (deadline != Clock::time_point::max()) id_ = Timer::instance().arm(deadline, std::move(expired));
}

Watchdog::~Watchdog() {
    if (id_ != 0) Timer::instance().disarm(id_);
}

}  // namespace whence::runtime
