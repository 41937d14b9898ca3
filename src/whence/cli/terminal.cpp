#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "progress.h"
#include "whence/core/error.h"

namespace whence::cli {
namespace {

constexpr int broken_pipe_status = 141;  // as a shell reports a program ended by SIGPIPE

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<size_t>(written));
    }
    return true;
}

}  // namespace

ColorMode parse_color(std::string_view text) {
    if (text == "auto") return ColorMode::automatic;
    if (text == "always") return ColorMode::always;
    if (text == "never") return ColorMode::never;
    throw Error(ErrorKind::usage,
                "--color: '" + printable(text) + "' is none of auto, always, never");
}

bool is_terminal(int descriptor) {
    return ::isatty(descriptor) == 1;
}

int64_t terminal_width(int descriptor) {
    winsize size{};
    return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool speaks_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (const std::string_view value = environment(name); !value.empty())
            return value.find("UTF-8") != std::string_view::npos ||
                   value.find("utf8") != std::string_view::npos;
    return false;
}

bool wants_color(ColorMode mode, int descriptor) {
    if (mode != ColorMode::automatic) return mode == ColorMode::always;
    return is_terminal(descriptor) && environment("NO_COLOR").empty() &&
           environment("TERM") != "dumb";
}

void print(std::string_view text) {
    if (write_all(STDOUT_FILENO, text)) return;
    if (errno == EPIPE) ::_exit(broken_pipe_status);
    throw Error(ErrorKind::io,
                std::string("cannot write to standard output: ") + std::strerror(errno));
}

void complain(std::string_view line) {
    clear_progress();
    // One write: threads and processes that share the terminal do not tear the line.
    static_cast<void>(write_all(STDERR_FILENO, std::string(line) + "\n"));
}

}  // namespace whence::cli
