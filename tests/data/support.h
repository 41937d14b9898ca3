#pragma once
// What the tests of data/ share.

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "whence/core/error.h"
#include "whence/core/file.h"

namespace whence::test {

inline std::filesystem::path test_file(const std::string& name) {
    return std::filesystem::path(TEST_FILES) / name;
}

inline std::vector<std::byte> file_bytes(const std::string& name) {
    return read_file(test_file(name));
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
    std::vector<std::byte> out(text.size());
    if (!text.empty()) std::memcpy(out.data(), text.data(), text.size());
    return out;
}

/// "kind: message" of the Error that `work` throws.
inline std::string error_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        const std::string message = error.what();
        EXPECT_EQ(message.find('\n'), std::string::npos) << "errors are one line";
        return std::string(name(error.kind())) + ": " + message;
    }
    return "no error";
}

/// A folder of its own for each test, removed with it.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "whence-test-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

}  // namespace whence::test
