#include "signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include "terminal.h"
#include "whence/core/error.h"

namespace whence::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto grace = std::chrono::seconds(5);
constexpr int wake_up = SIGUSR1;  // ends the thread's wait when the program is done

sigset_t handled() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, wake_up}) sigaddset(&set, number);
    return set;
}

timespec until(Clock::time_point when) {
    const auto left = std::max(Clock::duration::zero(), when - Clock::now());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    return {
        .tv_sec = seconds.count(),
        .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count()};
}

}  // namespace

Signals::Signals() {
    const sigset_t set = handled();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void Signals::watch(Clock::time_point deadline) {
    thread_ = std::thread([this, deadline] { loop(deadline); });
}

Signals::~Signals() {
    if (!thread_.joinable()) return;
    done_.request_stop();
    pthread_kill(thread_.native_handle(), wake_up);
    thread_.join();
}

void Signals::loop(Clock::time_point deadline) {
    const sigset_t set = handled();
    const bool limited = deadline != Clock::time_point::max();
    while (true) {
        const timespec wait = limited ? until(deadline + grace) : timespec{};
        const int number =
            limited ? sigtimedwait(&set, nullptr, &wait) : sigwaitinfo(&set, nullptr);
        if (done_.stop_requested()) return;
        if (number < 0 && errno == EINTR) continue;
        if (number < 0) {
            complain(
                "whence: the time limit was reached before it was finished, and it could not be "
                "stopped in order");
            ::_exit(exit_code(ErrorKind::limit));
        }
        if (number == wake_up) continue;
        if (stop_.stop_requested()) {
            complain("whence: stopped at once");
            ::_exit(exit_code(ErrorKind::interrupted));
        }
        stop_.request_stop();
    }
}

}  // namespace whence::cli
