#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>

#include "terminal.h"
#include "whence/core/error.h"

namespace whence::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(1);
constexpr auto pause = std::chrono::milliseconds(100);
constexpr int64_t widest_bar = 24, narrowest_bar = 4;

std::atomic<bool> visible = false;

void write_raw(const std::string& text) {
    // Nothing to be done about a terminal that went away.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

std::string remaining(Clock::duration spent, double share) {
    if (share < 0.02) return "";
    const double seconds = std::chrono::duration<double>(spent).count() * (1 - share) / share;
    if (seconds < 90) return fmt::format("{:.0f} s left", std::max(1.0, seconds));
    return fmt::format("{:.0f} min left", seconds / 60);
}

// With two blanks behind it; nothing where there is no room.
std::string bar(double share, int64_t room) {
    const int64_t width = std::min(room - 2, widest_bar);
    if (width < narrowest_bar) return "";
    const bool utf8 = speaks_utf8();
    const auto full = static_cast<int64_t>(share * static_cast<double>(width));
    std::string out;
    for (int64_t i = 0; i < width; ++i)
        out += i < full ? (utf8 ? "█" : "#") : (utf8 ? "░" : "-");
    return out + "  ";
}

// Names of features may hold characters of several bytes.
void cut(std::string& text, size_t bytes) {
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
    text.resize(bytes);
}

// State of one run; a callback is copied, its state is not.
class Bar {
  public:
    void report(std::string_view what, int64_t done, int64_t total) {
        const Clock::time_point now = Clock::now();
        if (what != what_) {
            what_ = what;
            began_ = now;
            early_.clear();
        }
        if (now - start_ < patience || now - drawn_ < pause || total < 1) return;
        drawn_ = now;
        const double share =
            std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
        std::string line =
            fmt::format("{} {:3.0f} %{}  {} of {}  {}", printable(what_, 30), 100 * share, early_,
                        done, total, remaining(now - began_, share));
        // The words first; the bar takes what they leave.
        const int64_t room = terminal_width(STDERR_FILENO) - 1, words = std::ssize(line);
        if (words > room) cut(line, static_cast<size_t>(std::max<int64_t>(0, room)));
        visible = true;
        write_raw(fmt::format("\r{}{}\x1b[K", bar(share, room - words), line));
    }

    void tell(const EarlyEstimate& early) {
        const std::string name = early.name.empty() ? fmt::format("feature {}", early.feature)
                                                    : printable(early.name, 40);
        early_ = early.feature < 0
                     ? fmt::format("  so far: {}, precision {:.2f}", name, early.value)
                     : fmt::format("  so far: {} {:+.3g}", name, early.value);
        if (early.feature >= 0 && std::isfinite(early.standard_error))
            early_ += fmt::format(" (se {:.1g})", early.standard_error);
    }

  private:
    std::string early_;
    std::string what_;
    Clock::time_point start_ = Clock::now(), began_ = start_, drawn_;
};

}  // namespace

void watch(Run& run) {
    const auto state = std::make_shared<Bar>();
    run.progress = [state](std::string_view what, int64_t done, int64_t total) {
        state->report(what, done, total);
    };
    run.early = [state](const EarlyEstimate& early) { state->tell(early); };
}

void clear_progress() {
    if (visible.exchange(false)) write_raw("\r\x1b[K");
}

}  // namespace whence::cli
