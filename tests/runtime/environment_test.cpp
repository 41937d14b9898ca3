// In a program of its own: the settings count once for each process.

#include "whence/runtime/environment.h"

#include <gtest/gtest.h>

#include "core/support.h"
#include "runtime/models.h"

namespace whence {
namespace {

TEST(Environment, IsSetBeforeTheFirstModelAndNeverAfter) {
    configure_runtime({.threads = 1});
    configure_runtime({.threads = 3});
    EXPECT_EQ(runtime_threads(), 3);
    testing::expect_within(
        testing::error_of(ErrorKind::usage, [] { return configure_runtime({.threads = 2}), 0; }),
        "before the first model");
    EXPECT_EQ(runtime_threads(), 3);
    EXPECT_EQ(testing::load(testing::perceptron(-1)).concurrency(), 1);
    EXPECT_EQ(testing::load(testing::perceptron(-1), {.threads = 1}).concurrency(), 3);
    EXPECT_EQ(std::string(runtime_version()).substr(0, 2), "1.");
}

}  // namespace
}  // namespace whence
