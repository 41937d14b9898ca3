// Addresses and options of endpoints, as people write them.

#include <gtest/gtest.h>

#include "whence/core/error.h"
#include "whence/remote/options.h"
#include "whence/remote/url.h"

namespace whence::remote {
namespace {

ErrorKind kind_of(const auto& work) {
    try {
        work();
    } catch (const Error& error) {
        return error.kind();
    }
    return ErrorKind::internal;
}

TEST(RemoteUrl, IsTakenApart) {
    const Url url = parse_url("http://example.org:8000/v2/models/iris");
    EXPECT_FALSE(url.tls);
    EXPECT_EQ(url.host, "example.org");
    EXPECT_EQ(url.port, 8000);
    EXPECT_EQ(url.path, "/v2/models/iris");
    EXPECT_EQ(url.shown(), "http://example.org:8000/v2/models/iris");
    EXPECT_FALSE(url.loopback());
}

TEST(RemoteUrl, KnowsTheDefaultPortsVersionsAndPrefixes) {
    EXPECT_EQ(parse_url("https://h/v2/models/m").port, 443);
    EXPECT_EQ(parse_url("http://h/v2/models/m/").shown(), "http://h/v2/models/m");
    EXPECT_EQ(parse_url("http://h/a/b/v2/models/m/versions/3").path, "/a/b/v2/models/m/versions/3");
    const Url six = parse_url("http://[fe80::1]:81/v2/models/m");
    EXPECT_EQ(six.host, "fe80::1");
    EXPECT_EQ(six.port, 81);
    EXPECT_EQ(six.shown(), "http://[fe80::1]:81/v2/models/m");
    EXPECT_TRUE(parse_url("http://[::1]/v2/models/m").loopback());
}

TEST(RemoteUrl, NeverShowsCredentials) {
    const Url url = parse_url("https://ann:s%40cret@h/v2/models/m");
    EXPECT_EQ(url.user, "ann");
    EXPECT_EQ(url.password, "s@cret");
    EXPECT_EQ(url.shown(), "https://h/v2/models/m");
    EXPECT_EQ(without_credentials("http://ann:secret@h:1/x"), "http://h:1/x");
    EXPECT_EQ(without_credentials("model.onnx"), "model.onnx");
    try {
        static_cast<void>(parse_url("http://ann:secret@h:99999/v2/models/m"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << error.what();
    }
}

TEST(RemoteUrl, RefusesWhatIsNone) {
    for (const char* text :
         {"ftp://h/v2/models/m", "http:///v2/models/m", "http://h:0/v2/models/m",
          "http://h:8x/v2/models/m", "http://h", "http://h/", "http://h/v2/models/",
          "http://h/v1/models/m", "http://h/v2/models/m/infer", "http://h/v2/models/m?x=1",
          "http://h/v2/models/m#x", "http://h/v2/models/a b", "http://[::1/v2/models/m",
          "http://h\r\nX: y/v2/models/m"})
        EXPECT_EQ(kind_of([&] { static_cast<void>(parse_url(text)); }), ErrorKind::usage) << text;
}

TEST(RemoteOptions, AreReadByName) {
    const Options options =
        parse_options({"timeout=2.5", "batch=8", "retries=0", "scale=probability",
                       "largest_answer=4096", "ca-file=x=y.pem"});
    EXPECT_EQ(options.timeout, 2.5);
    EXPECT_EQ(options.batch, 8);
    EXPECT_EQ(options.retries, 0);
    EXPECT_EQ(options.scale, Scale::probability);
    EXPECT_EQ(options.largest_answer, 4096);
    EXPECT_EQ(options.ca_file, "x=y.pem");
}

TEST(RemoteOptions, RefuseWhatMakesNoSense) {
    for (const char* text : {"timeout=0", "timeout=nan", "timeout=-1", "timeout=1s", "batch=0",
                             "batch=1.5", "retries=-1", "scale=loud", "nonsense=1", "batch"})
        EXPECT_EQ(kind_of([&] { static_cast<void>(parse_options({text})); }), ErrorKind::usage)
            << text;
}

}  // namespace
}  // namespace whence::remote
