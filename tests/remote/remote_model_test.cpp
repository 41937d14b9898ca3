// A server in this process that answers a formula, and one that misbehaves byte by byte.

#include "whence/remote/remote_model.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "whence/core/error.h"

namespace whence::remote {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

const std::string metadata =
    R"({"name":"m","platform":"formula","inputs":[{"name":"x","datatype":"FP64","shape":[-1,2]}],)"
    R"("outputs":[{"name":"y","datatype":"FP64","shape":[-1,1]}]})";

// The formula, 3 a - b b.
double formula(double a, double b) {
    return 3 * a - b * b;
}

// The numbers of the list that follows `key`, read by a way of the test's own.
std::vector<double> numbers_after(const std::string& text, const std::string& key) {
    std::vector<double> out;
    const char* at = text.c_str() + text.find(key) + key.size();
    while (*at && *at != ']') {
        char* end = nullptr;
        out.push_back(std::strtod(at, &end));
        at = *end == ',' ? end + 1 : end;
    }
    return out;
}

std::string answer(const std::string& question) {
    const std::vector<double> x = numbers_after(question, "\"data\":[");
    std::string data;
    for (size_t i = 0; i + 1 < x.size(); i += 2)
        data += fmt::format("{}{}", i ? "," : "", formula(x[i], x[i + 1]));
    return fmt::format(
        R"({{"outputs":[{{"name":"y","datatype":"FP64","shape":[{},1],"data":[{}]}}]}})",
        x.size() / 2, data);
}

// Serves one model at /v2/models/m.
class Server {
  public:
    using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;
    explicit Server(Handler infer = nullptr, std::string says = metadata,
                    std::unique_ptr<httplib::Server> server = std::make_unique<httplib::Server>())
        : http(std::move(server)), tls_(dynamic_cast<httplib::SSLServer*>(http.get()) != nullptr) {
        http->Get("/v2/models/m",
                  [this, says](const httplib::Request& request, httplib::Response& response) {
                      authorization = request.get_header_value("Authorization");
                      response.set_content(says, "application/json");
                  });
        http->Post("/v2/models/m/infer",
                   [this, infer](const httplib::Request& request, httplib::Response& response) {
                       ++calls;
                       if (infer)
                           infer(request, response);
                       else
                           response.set_content(answer(request.body), "application/json");
                   });
        http->set_tcp_nodelay(true);
        http->set_keep_alive_timeout(1);
        port = http->bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { http->listen_after_bind(); });
        while (!http->is_running()) std::this_thread::sleep_for(1ms);
    }
    ~Server() {
        http->stop();
        thread_.join();
    }
    [[nodiscard]] std::string url() const {
        return fmt::format("{}://127.0.0.1:{}/v2/models/m", tls_ ? "https" : "http", port);
    }

    std::unique_ptr<httplib::Server> http;
    int port = 0;
    std::atomic<int> calls = 0;
    std::string authorization;

  private:
    bool tls_;
    std::thread thread_;
};

// Says these bytes to whoever connects, one every few milliseconds, then keeps the line open (or
// starts again, for ever, where `endless`).
class DripServer {
  public:
    DripServer(std::string bytes, bool endless)
        : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener_, 8), 0);
        EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
        port_ = ntohs(address.sin_port);
        thread_ =
            std::jthread([this, bytes = std::move(bytes), endless](const std::stop_token& stop) {
                const int line = ::accept(listener_, nullptr, nullptr);
                size_t next = 0;
                while (!stop.stop_requested()) {
                    if (next == bytes.size() && endless) next = bytes.rfind('\n') + 1;
                    if (next < bytes.size())
                        static_cast<void>(::send(line, &bytes[next++], 1, MSG_NOSIGNAL));
                    std::this_thread::sleep_for(2ms);
                }
                ::close(line);
            });
    }
    ~DripServer() {
        thread_.request_stop();
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    [[nodiscard]] std::string url() const {
        return fmt::format("http://127.0.0.1:{}/v2/models/m", port_);
    }

  private:
    int listener_, port_ = 0;
    std::jthread thread_;
};

Options quick() {
    return {.connect_timeout = 1, .timeout = 2, .retries = 2, .delay = 0.001};
}

Batch rows(int64_t count) {
    std::vector<double> values;
    for (int64_t i = 0; i < count; ++i)
        values.insert(values.end(),
                      {0.1 * static_cast<double>(i), 1.0 / (1.0 + static_cast<double>(i))});
    return Batch({{"x", Tensor::of<double>({count, 2}, values)}});
}

struct Failure {
    ErrorKind kind;
    std::string what;
};

Failure failure_of(const auto& work) {
    try {
        work();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
        return {error.kind(), error.what()};
    }
    return {ErrorKind::internal, "nothing was thrown"};
}

Failure failure_of_predict(const Model& model, const Run& run = {}, int64_t count = 3) {
    return failure_of([&] { static_cast<void>(model.predict(rows(count), run)); });
}

bool says(const Failure& failure, const std::string& part) {
    return failure.what.find(part) != std::string::npos;
}

TEST(RemoteModel, AnswersTheSameBitsAsTheFormula) {
    const Server server;
    const RemoteModel model(server.url(), quick());
    const Batch asked = rows(20), answered = model.predict(asked, {});
    const Tensor &x = asked.at("x"), &y = answered.at("y");
    ASSERT_EQ(y.shape(), (Shape{20, 1}));
    for (int64_t i = 0; i < 20; ++i)
        EXPECT_EQ(y.as<double>()[i], formula(x.as<double>()[2 * i], x.as<double>()[2 * i + 1]));
    EXPECT_EQ(server.calls, 1);
    EXPECT_EQ(model.metadata().platform, "formula");
}

TEST(RemoteModel, SplitsBatchesWithoutChangingAnything) {
    const Server server;
    Options options = quick();
    const RemoteModel whole(server.url(), options);
    options.batch = 7;
    const RemoteModel split(server.url(), options);
    EXPECT_EQ(whole.predict(rows(20), {}).at("y"), split.predict(rows(20), {}).at("y"));
    EXPECT_EQ(server.calls, 1 + 3);
}

TEST(RemoteModel, AsksOneRowACallWhereTheModelReadsOne) {
    std::string one = metadata;
    one.replace(one.find("[-1,2]"), 6, "[1,2]");
    const Server server(nullptr, one);
    const RemoteModel model(server.url(), quick());
    EXPECT_EQ(model.preferred_batch(), 1);
    EXPECT_EQ(model.predict(rows(3), {}).at("y").shape(), (Shape{3, 1}));
    EXPECT_EQ(server.calls, 3);
}

TEST(RemoteModel, CarriesText) {
    const Server server(
        [](const httplib::Request& request, httplib::Response& response) {
            EXPECT_NE(request.body.find(R"("data":["a\"b","ö"])"), std::string::npos)
                << request.body;
            response.set_content(
                R"({"outputs":[{"name":"y","datatype":"BYTES","shape":[2],"data":["yes","nö"]}]})",
                "");
        },
        R"({"inputs":[{"name":"t","datatype":"BYTES","shape":[-1]}],"outputs":[{"name":"y","datatype":"BYTES","shape":[-1]}]})");
    const RemoteModel model(server.url(), quick());
    const Tensor text = Tensor::of<std::string>({2}, std::vector<std::string>{"a\"b", "ö"});
    EXPECT_EQ(model.predict(Batch(text), {}).at("y"),
              Tensor::of<std::string>({2}, std::vector<std::string>{"yes", "nö"}));
}

TEST(RemoteModel, RefusesInputsThatDoNotFitBeforeItAsks) {
    const Server server;
    const RemoteModel model(server.url(), quick());
    const Tensor wrong_type({ElementType::float32}, {1, 2}),
        wrong_shape(ElementType::float64, {1, 3}), no_rows(ElementType::float64, {0, 2});
    for (const Tensor& tensor : {wrong_type, wrong_shape, no_rows})
        EXPECT_EQ(failure_of([&] { static_cast<void>(model.predict(Batch(tensor), {})); }).kind,
                  ErrorKind::input);
    EXPECT_EQ(server.calls, 0);
}

// The handler answers `status` the first `times` calls.
Server::Handler busy(int times, int status, const char* retry_after = nullptr) {
    auto left = std::make_shared<std::atomic<int>>(times);
    return [=](const httplib::Request& request, httplib::Response& response) {
        if ((*left)-- > 0) {
            response.status = status;
            if (retry_after) response.set_header("Retry-After", retry_after);
        } else {
            response.set_content(answer(request.body), "");
        }
    };
}

TEST(RemoteModel, TriesAgainWhereTheServerIsBusy) {
    for (const int status : {429, 502, 503, 504}) {
        const Server server(busy(2, status));
        const RemoteModel model(server.url(), quick());
        EXPECT_EQ(model.predict(rows(3), {}).rows(), 3) << status;
        EXPECT_EQ(server.calls, 3);
    }
}

TEST(RemoteModel, WaitsAsLongAsItIsAskedUpToTheLimit) {
    const Server server(busy(1, 503, "3600"));
    Options options = quick();
    options.longest_delay = 0.2;
    const RemoteModel model(server.url(), options);
    const auto start = Clock::now();
    EXPECT_EQ(model.predict(rows(1), {}).rows(), 1);
    EXPECT_GE(Clock::now() - start, 200ms);
}

TEST(RemoteModel, GivesUpAfterItsTriesAndSaysHowFarItCame) {
    const Server server([calls = std::make_shared<int>(0)](const httplib::Request& request,
                                                           httplib::Response& response) {
        if (++*calls > 2)
            response.status = 503;
        else
            response.set_content(answer(request.body), "");
    });
    Options options = quick();
    options.batch = 5;
    const RemoteModel model(server.url(), options);
    const Failure failure = failure_of_predict(model, {}, 20);
    EXPECT_EQ(failure.kind, ErrorKind::io);
    EXPECT_TRUE(says(failure, "answers 503 (after 3 tries)")) << failure.what;
    EXPECT_TRUE(says(failure, "10 rows were answered before")) << failure.what;
    EXPECT_TRUE(says(failure, server.url())) << failure.what;
    EXPECT_EQ(server.calls, 2 + 3);
}

TEST(RemoteModel, DoesNotRepeatWhatIsRefused) {
    for (const auto& [status, kind] : {std::pair{400, ErrorKind::model},
                                       {401, ErrorKind::usage},
                                       {404, ErrorKind::usage},
                                       {500, ErrorKind::model}}) {
        const Server server(
            [status = status](const httplib::Request&, httplib::Response& response) {
                response.status = status;
                response.set_content(R"({"error":"because"})", "application/json");
            });
        const RemoteModel model(server.url(), quick());
        const Failure failure = failure_of_predict(model);
        EXPECT_EQ(failure.kind, kind) << status;
        EXPECT_TRUE(says(failure, "because")) << failure.what;
        EXPECT_EQ(server.calls, 1);
    }
}

TEST(RemoteModel, FollowsNoRedirect) {
    const Server elsewhere;
    const Server server([&](const httplib::Request&, httplib::Response& response) {
        response.set_redirect(elsewhere.url() + "/infer", 307);
    });
    const RemoteModel model(server.url(), quick());
    const Failure failure = failure_of_predict(model);
    EXPECT_EQ(failure.kind, ErrorKind::model);
    EXPECT_TRUE(says(failure, "redirect")) << failure.what;
    EXPECT_EQ(elsewhere.calls, 0);
}

TEST(RemoteModel, SaysWhereNobodyListens) {
    std::string url;
    {
        const Server server;
        url = server.url();
    }
    const Failure failure = failure_of([&] { RemoteModel(url, quick()); });
    EXPECT_EQ(failure.kind, ErrorKind::io);
    EXPECT_TRUE(says(failure, "no connection") && says(failure, "3 tries")) << failure.what;
}

TEST(RemoteModel, SurvivesAServerThatWentAwayAndCameBack) {
    auto first = std::make_unique<Server>();
    const int port = first->port;
    auto model = std::make_unique<RemoteModel>(first->url(), quick());
    static_cast<void>(model->predict(rows(1), {}));
    first.reset();
    httplib::Server second;
    second.Post("/v2/models/m/infer",
                [](const httplib::Request& request, httplib::Response& response) {
                    response.set_content(answer(request.body), "");
                });
    ASSERT_TRUE(second.bind_to_port("127.0.0.1", port));
    std::thread thread([&] { second.listen_after_bind(); });
    while (!second.is_running()) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(model->predict(rows(4), {}).rows(), 4);
    model.reset();
    second.stop();
    thread.join();
}

TEST(RemoteModel, DoesNotWaitForASlowAnswer) {
    std::atomic<bool> over = false;
    const Server server([&](const httplib::Request&, httplib::Response&) {
        while (!over) std::this_thread::sleep_for(1ms);
    });
    Options options = quick();
    options.timeout = 0.1;
    const RemoteModel model(server.url(), options);
    const Failure failure = failure_of_predict(model);
    over = true;
    EXPECT_EQ(failure.kind, ErrorKind::io);
    EXPECT_TRUE(says(failure, "within 0.1 s")) << failure.what;
    EXPECT_EQ(server.calls, 1);
}

const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

TEST(RemoteModel, EndsAnswersThatNeverEnd) {
    // A body, a header and a status line that grow byte by byte: no single read takes long.
    for (const std::string& bytes :
         {head + "\r\n          ", head + "X: 1\r\nY: 2222", std::string("HTTP/1.1 2")}) {
        const DripServer server(bytes, true);
        Options options = quick();
        options.timeout = 0.3;
        const Failure failure = failure_of([&] { RemoteModel(server.url(), options); });
        EXPECT_EQ(failure.kind, ErrorKind::io);
        EXPECT_TRUE(says(failure, "within 0.3 s")) << failure.what;
    }
}

TEST(RemoteModel, StopsWhileItWaits) {
    const DripServer server(head + "\r\n   ", true);
    std::stop_source source;
    const std::jthread stopper([&] {
        std::this_thread::sleep_for(100ms);
        source.request_stop();
    });
    Options options = quick();
    options.timeout = 3600;
    whence::Run run;
    run.stop = source.get_token();
    EXPECT_EQ(failure_of([&] { RemoteModel(server.url(), options, run); }).kind,
              ErrorKind::interrupted);
}

TEST(RemoteModel, StopsBetweenTries) {
    const Server server(busy(1 << 20, 503));
    Options options = quick();
    options.delay = options.longest_delay = 3600;
    const RemoteModel model(server.url(), options);
    std::stop_source source;
    const std::jthread stopper([&] {
        std::this_thread::sleep_for(100ms);
        source.request_stop();
    });
    whence::Run run;
    run.stop = source.get_token();
    EXPECT_EQ(failure_of_predict(model, run).kind, ErrorKind::interrupted);
    whence::Run late;
    late.deadline = Clock::now() + 100ms;
    EXPECT_EQ(failure_of_predict(model, late).kind, ErrorKind::limit);
}

TEST(RemoteModel, KeepsTheDeadlineInTheMiddleOfAnAnswer) {
    const DripServer server(head + "Content-Length: 1000000\r\n\r\n   ", true);
    Options options = quick();
    options.timeout = 3600;
    whence::Run run;
    run.deadline = Clock::now() + 100ms;
    EXPECT_EQ(failure_of([&] { RemoteModel(server.url(), options, run); }).kind, ErrorKind::limit);
}

// A line of waiting connections that is full: further ones are neither made nor refused.
class FullServer {
  public:
    FullServer() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(sockets_[0], reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(sockets_[0], 0), 0);
        EXPECT_EQ(::getsockname(sockets_[0], reinterpret_cast<sockaddr*>(&address), &size), 0);
        port_ = ntohs(address.sin_port);
        for (int i = 0; i < 4; ++i) {
            sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            static_cast<void>(
                ::connect(sockets_.back(), reinterpret_cast<sockaddr*>(&address), size));
        }
    }
    ~FullServer() {
        for (const int socket : sockets_) ::close(socket);
    }
    [[nodiscard]] std::string url() const {
        return fmt::format("http://127.0.0.1:{}/v2/models/m", port_);
    }

  private:
    std::vector<int> sockets_;
    int port_ = 0;
};

TEST(RemoteModel, StopsWhileItConnects) {
    const FullServer server;
    Options options = quick();
    options.connect_timeout = options.timeout = 3600;
    whence::Run run;
    run.deadline = Clock::now() + 100ms;
    EXPECT_EQ(failure_of([&] { RemoteModel(server.url(), options, run); }).kind, ErrorKind::limit);
    options.connect_timeout = 0.1;
    options.retries = 0;
    const Failure failure = failure_of([&] { RemoteModel(server.url(), options); });
    EXPECT_EQ(failure.kind, ErrorKind::io);
    EXPECT_TRUE(says(failure, "no connection")) << failure.what;
}

TEST(RemoteModel, RefusesAnAnswerCutShort) {
    const Server server([](const httplib::Request&, httplib::Response& response) {
        response.set_content_provider(1000, "application/json",
                                      [](size_t, size_t, httplib::DataSink& sink) {
                                          sink.write("{\"outputs\"", 10);
                                          return false;
                                      });
    });
    const RemoteModel model(server.url(), quick());
    EXPECT_EQ(failure_of_predict(model).kind, ErrorKind::io);
}

TEST(RemoteModel, RefusesBrokenAnswersOfAServer) {
    for (const char* body :
         {"garbage", "{}",
          R"({"outputs":[{"name":"y","datatype":"FP64","shape":[2,1],"data":[1,2]}]})",
          R"({"outputs":[{"name":"y","datatype":"FP64","shape":[3,1],"data":[1,NaN,2]}]})",
          R"({"outputs":[{"name":"z","datatype":"FP64","shape":[3,1],"data":[1,2,3]}]})"}) {
        const Server server([body](const httplib::Request&, httplib::Response& response) {
            response.set_content(body, "");
        });
        const RemoteModel model(server.url(), quick());
        const Failure failure = failure_of_predict(model);
        EXPECT_EQ(failure.kind, ErrorKind::model) << body;
        EXPECT_TRUE(says(failure, server.url())) << failure.what;
    }
}

TEST(RemoteModel, RefusesAnswersAboveTheLimit) {
    const std::string large(5000, ' ');
    const Server plain([&](const httplib::Request&, httplib::Response& response) {
        response.set_content(large, "");
    });
    const Server chunked([&](const httplib::Request&, httplib::Response& response) {
        response.set_chunked_content_provider("", [&](size_t, httplib::DataSink& sink) {
            return sink.write(large.data(), large.size());
        });
    });
    Options options = quick();
    options.largest_answer = 4096;
    for (const Server* server : {&plain, &chunked}) {
        const RemoteModel model(server->url(), options);
        const Failure failure = failure_of_predict(model);
        EXPECT_EQ(failure.kind, ErrorKind::limit);
        EXPECT_TRUE(says(failure, "4096 bytes")) << failure.what;
    }
}

TEST(RemoteModel, SendsTokensAndPasswordsAndNeverShowsThem) {
    const Server server(busy(1 << 20, 400));
    ::setenv("WHENCE_TEST_TOKEN", "tok-123", 1);
    Options options = quick();
    options.token_variable = "WHENCE_TEST_TOKEN";
    const RemoteModel with_token(server.url(), options);
    EXPECT_EQ(server.authorization, "Bearer tok-123");
    EXPECT_FALSE(says(failure_of_predict(with_token), "tok-123"));
    const Failure clear =
        failure_of([&] { RemoteModel("http://example.invalid/v2/models/m", options); });
    EXPECT_EQ(clear.kind, ErrorKind::usage);
    EXPECT_FALSE(says(clear, "tok-123"));
    ::setenv("WHENCE_TEST_TOKEN", "tok\r\nX: y", 1);
    EXPECT_EQ(failure_of([&] { RemoteModel(server.url(), options); }).kind, ErrorKind::usage);
    ::unsetenv("WHENCE_TEST_TOKEN");
    const RemoteModel with_password(
        fmt::format("http://ann:secret@127.0.0.1:{}/v2/models/m", server.port), options);
    EXPECT_EQ(server.authorization, "Basic YW5uOnNlY3JldA==");
    EXPECT_EQ(with_password.url(), server.url());
    EXPECT_FALSE(says(failure_of_predict(with_password), "secret"));
}

TEST(RemoteModel, TrustsOnlyCertificatesOfAuthoritiesItKnows) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / fmt::format("whence_tls_{}", ::getpid());
    std::filesystem::create_directories(folder);
    const std::string cert = folder / "cert.pem", key = folder / "key.pem";
    const std::string make =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=elsewhere -addext "
        "subjectAltName=IP:127.0.0.1 -keyout " +
        key + " -out " + cert + " >/dev/null 2>&1";
    if (std::system(make.c_str()) != 0) GTEST_SKIP() << "there is no openssl command";
    {
        const Server server(nullptr, metadata,
                            std::make_unique<httplib::SSLServer>(cert.c_str(), key.c_str()));
        const Failure failure = failure_of([&] { RemoteModel(server.url(), quick()); });
        EXPECT_EQ(failure.kind, ErrorKind::io);
        EXPECT_TRUE(says(failure, "certificate is not trusted")) << failure.what;
        Options options = quick();
        options.ca_file = cert;  // the control
        const RemoteModel model(server.url(), options);
        EXPECT_EQ(model.predict(rows(3), {}).rows(), 3);
        std::string other_name = server.url();
        other_name.replace(other_name.find("127.0.0.1"), 9, "localhost");
        const Failure mistaken = failure_of([&] { RemoteModel(other_name, options); });
        EXPECT_TRUE(says(mistaken, "certificate is not trusted")) << mistaken.what;
    }
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace whence::remote
