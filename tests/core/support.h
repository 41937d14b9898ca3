#pragma once
// What the tests of core and runtime share.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "whence/core/error.h"
#include "whence/core/run.h"

namespace whence::testing {

/// Inside a TEST the name Run is a member of GoogleTest.
inline const Run plain_run;

/// Expects an Error of this kind in one line; returns the line.
template <class Work>
std::string error_of(ErrorKind kind, Work work) {
    try {
        (void)work();
    } catch (const Error& error) {
        const std::string line = error.what();
        EXPECT_EQ(name(error.kind()), name(kind)) << line;
        EXPECT_EQ(line.find('\n'), std::string::npos) << line;
        return line;
    }
    ADD_FAILURE() << "no error";
    return "";
}

inline void expect_within(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
}

/// An empty folder of the running test's own, gone when the test is over.
class Folder {
  public:
    Folder() {
        const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
        path_ = std::filesystem::temp_directory_path() /
                ("whence-" + std::string(test->test_suite_name()) + "-" + test->name() + "-" +
                 std::to_string(::getpid()));
        std::filesystem::remove_all(path_);
        std::filesystem::create_directories(path_);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
        return path_ / name;
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace whence::testing
