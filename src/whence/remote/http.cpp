#include "whence/remote/http.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "whence/core/error.h"

namespace whence::remote {
namespace {

using Clock = std::chrono::steady_clock;

Clock::duration seconds(double value) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

// A second handle on the socket in use. The library may close its own and the number be given to
// another file at any time; this one stays ours, so that another thread can shut the socket down.
class SocketHandle {
  public:
    ~SocketHandle() { keep(-1); }
    void follow(int socket) { keep(::fcntl(socket, F_DUPFD_CLOEXEC, 0)); }
    void shut_down() {
        const std::lock_guard lock(mutex_);
        if (handle_ >= 0) ::shutdown(handle_, SHUT_RDWR);
    }

  private:
    void keep(int handle) {
        const std::lock_guard lock(mutex_);
        if (handle_ >= 0) ::close(handle_);
        handle_ = handle;
    }
    std::mutex mutex_;
    int handle_ = -1;
};

// While it lives, ends what happens on the socket once a stop is requested or at `limit`.
class Watchdog {
  public:
    Watchdog(SocketHandle& socket, const std::stop_token& stop, Clock::time_point limit)
        : on_stop_(stop,
                   [this] {
                       const std::lock_guard lock(mutex_);
                       stopped_ = true;
                       wake_.notify_all();
                   }),
          thread_([this, &socket, limit](const std::stop_token& over) {
              std::unique_lock lock(mutex_);
              wake_.wait_until(lock, over, limit, [this] { return stopped_; });
              // Again and again: the connection may be about to be made.
              while (!over.stop_requested()) {
                  socket.shut_down();
                  wake_.wait_for(lock, over, std::chrono::milliseconds(10), [] { return false; });
              }
          }) {}

  private:
    std::mutex mutex_;
    std::condition_variable_any wake_;
    bool stopped_ = false;
    std::stop_callback<std::function<void()>> on_stop_;
    std::jthread thread_;
};

// OpenSSL writes to a socket that the other side closed without asking for no signal. The signal is
// held back in this thread and taken away; the write fails all the same.
class NoBrokenPipe {
  public:
    NoBrokenPipe() {
        sigset_t pending;
        sigpending(&pending);
        already_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &only_pipe(), &before_);
    }
    ~NoBrokenPipe() {
        const timespec now{};
        if (!already_pending_)
            while (sigtimedwait(&only_pipe(), nullptr, &now) < 0 && errno == EINTR) {
            }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    NoBrokenPipe(const NoBrokenPipe&) = delete;
    NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;

  private:
    static const sigset_t& only_pipe() {
        static const sigset_t set = [] {
            sigset_t made;
            sigemptyset(&made);
            sigaddset(&made, SIGPIPE);
            return made;
        }();
        return set;
    }
    sigset_t before_{};
    bool already_pending_ = false;
};

bool worth_another_try(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

bool worth_another_try(httplib::Error error) {
    return error == httplib::Error::Connection || error == httplib::Error::ConnectionTimeout ||
           error == httplib::Error::Read || error == httplib::Error::Write;
}

std::string in_words(httplib::Error error) {
    switch (error) {
        case httplib::Error::Connection:
            return "there is no connection; is the server running?";
        case httplib::Error::ConnectionTimeout:
            return "there was no connection in time";
        case httplib::Error::Read:
            return "the connection ended before the answer did";
        case httplib::Error::Write:
            return "the connection ended before the question did";
        case httplib::Error::SSLConnection:
            return "the server speaks no TLS that is accepted here";
        case httplib::Error::SSLLoadingCerts:
            return "the certificates to trust cannot be read";
        case httplib::Error::SSLServerVerification:
            return "the server's certificate is not trusted; the endpoint option ca-file names "
                   "the authority that signed it";
        default:
            return "the answer is no HTTP (" + httplib::to_string(error) + ")";
    }
}

// Seconds of a Retry-After header; a date, which is allowed too, counts as none.
std::optional<double> asked_delay(const std::string& header) {
    double value = 0;
    const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), value);
    if (error != std::errc() || end != header.data() + header.size() || !(value >= 0)) return {};
    return value;
}

void wait(double delay, const Run& run) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_until(lock, run.stop, std::min(run.deadline, Clock::now() + seconds(delay)),
                    [] { return false; });
    run.check();
}

// Before anything is sent: a token is worth as much as a password.
std::string token_for(const Url& url, const Options& options) {
    const char* token =
        options.token_variable.empty() ? nullptr : std::getenv(options.token_variable.c_str());
    if (!token || !*token) return "";
    const std::string variable = printable(options.token_variable);
    if (std::string_view(token).find_first_of("\r\n") != std::string_view::npos)
        throw Error(ErrorKind::usage, variable + " holds a line break; a token has none");
    if (!url.tls && !url.loopback())
        throw Error(ErrorKind::usage,
                    printable(url.shown(), 400) + ": the token of " + variable +
                        " would go over the net in clear; use https:// or unset it");
    return token;
}

}  // namespace

struct Connection::Client {
    SocketHandle socket;
    std::unique_ptr<httplib::ClientImpl> http;
};

Connection::Connection(Url url, const Options& options) : url_(std::move(url)), options_(options) {
    const std::string token = token_for(url_, options_);
    client_ = std::make_unique<Client>();
    if (url_.tls)
        client_->http = std::make_unique<httplib::SSLClient>(url_.host, url_.port);
    else
        client_->http = std::make_unique<httplib::ClientImpl>(url_.host, url_.port);
    httplib::ClientImpl& http = *client_->http;
    http.set_keep_alive(true);
    http.set_tcp_nodelay(true);  // header and body are two writes: 40 ms apart otherwise
    http.set_follow_location(false);
    http.set_url_encode(false);
    http.set_connection_timeout(seconds(options_.connect_timeout));
    http.set_read_timeout(seconds(options_.timeout));
    http.set_write_timeout(seconds(options_.timeout));
    http.set_socket_options([this](int socket) { client_->socket.follow(socket); });
    if (!token.empty())
        http.set_bearer_token_auth(token);
    else if (!url_.user.empty())
        http.set_basic_auth(url_.user, url_.password);
    if (url_.tls && !options_.ca_file.empty()) http.set_ca_cert_path(options_.ca_file);
}

Connection::~Connection() = default;

Answer Connection::call(const std::string& body, const Run& run) {
    const std::string shown = printable(url_.shown(), 400);
    const NoBrokenPipe no_signal;
    double delay = options_.delay;
    for (int attempt = 0;; ++attempt) {
        run.check();
        const Clock::time_point limit = Clock::now() + seconds(options_.timeout);
        Answer answer;
        bool too_large = false;
        httplib::Request request;
        request.method = body.empty() ? "GET" : "POST";
        request.path = url_.path + (body.empty() ? "" : "/infer");
        request.body = body;
        request.headers = {{"Accept", "application/json"}, {"Accept-Encoding", "identity"}};
        if (!body.empty()) request.set_header("Content-Type", "application/json");
        request.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
            too_large = answer.body.size() + size > static_cast<size_t>(options_.largest_answer);
            if (!too_large) answer.body.append(data, size);
            return !too_large && Clock::now() < limit;
        };
        const httplib::Result result = [&] {
            const Watchdog watchdog(client_->socket, run.stop, std::min(limit, run.deadline));
            return client_->http->send(request);
        }();
        run.check();
        if (too_large)
            throw Error(ErrorKind::limit,
                        fmt::format("{}: the answer is larger than {} bytes; ask for fewer rows a "
                                    "call (batch) or allow more (largest-answer)",
                                    shown, options_.largest_answer));
        // Also where there is a result: one that ends with the connection looks whole when cut.
        if (Clock::now() >= limit)
            throw Error(ErrorKind::io, fmt::format("{}: there was no whole answer within {} s (the "
                                                   "endpoint option timeout)",
                                                   shown, options_.timeout));
        const bool again =
            result ? worth_another_try(result->status) : worth_another_try(result.error());
        if (result) {
            answer.status = result->status;
            answer.retry_after = result->get_header_value("Retry-After");
            if (!again) return answer;
        }
        if (!again || attempt >= options_.retries) {
            const std::string why =
                result ? fmt::format("the server is not ready: it answers {}", result->status)
                       : in_words(result.error());
            throw Error(
                ErrorKind::io,
                fmt::format("{}: {}{}", shown, why,
                            attempt > 0 ? fmt::format(" (after {} tries)", attempt + 1) : ""));
        }
        wait(std::min(options_.longest_delay, asked_delay(answer.retry_after).value_or(delay)),
             run);
        delay *= 2;
    }
}

}  // namespace whence::remote
