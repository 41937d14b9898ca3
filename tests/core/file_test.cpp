#include "whence/core/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "core/support.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using testing::Folder;

size_t files_in(const Folder& folder) {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
        ++count;
    return count;
}

mode_t mode(const std::filesystem::path& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
}

TEST(File, ReadsBackWhatItWrote) {
    const Folder folder;
    for (const size_t size : {0, 1, 4095, 4096, 4097, 100000}) {
        const std::string text(size, 'x');
        write_file(folder / "f", text);
        EXPECT_EQ(read_text(folder / "f"), text);
        EXPECT_EQ(read_file(folder / "f").size(), size);
    }
    EXPECT_EQ(files_in(folder), 1U);
}

TEST(File, BytesAreNotText) {
    const Folder folder;
    const std::string bytes("\0\r\n\xff\x1a", 5);
    write_file(folder / "f", bytes);
    EXPECT_EQ(read_text(folder / "f"), bytes);
}

TEST(File, MissingFileIsNamed) {
    const Folder folder;
    const std::string line = error_of(ErrorKind::io, [&] { return read_file(folder / "no\nne"); });
    expect_within(line, "no?ne: No such file or directory");
}

TEST(File, FolderIsNoFile) {
    const Folder folder;
    expect_within(error_of(ErrorKind::io, [&] { return read_file(folder.path()); }),
                  "Is a directory");
    expect_within(error_of(ErrorKind::io,
                           [&] { return write_file(folder.path(), std::string_view("x")), 0; }),
                  "Is a directory");
    EXPECT_EQ(files_in(folder), 0U);
}

TEST(File, ReadsUpToTheLimitAndNoFurther) {
    const Folder folder;
    write_file(folder / "f", std::string(100, 'x'));
    EXPECT_EQ(read_file(folder / "f", 100).size(), 100U);
    expect_within(error_of(ErrorKind::limit, [&] { return read_file(folder / "f", 99); }),
                  "larger than 99 bytes");
    error_of(ErrorKind::limit, [&] { return read_text(folder / "f", 0); });
    // A file that says nothing of its size and never ends.
    error_of(ErrorKind::limit, [] { return read_file("/dev/zero", 10000); });
}

TEST(File, ReadsFromAPipe) {
    const Folder folder;
    const auto pipe = folder / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::jthread writer([&] { std::ofstream(pipe) << std::string(70000, 'y'); });
    EXPECT_EQ(read_text(pipe), std::string(70000, 'y'));
}

TEST(File, FullDeviceIsAnError) {
    expect_within(
        error_of(ErrorKind::io, [] { return write_file("/dev/full", std::string_view("x")), 0; }),
        "No space left on device");
}

TEST(File, MissingFolderIsAnError) {
    const Folder folder;
    error_of(ErrorKind::io,
             [&] { return write_file(folder / "no" / "f", std::string_view("x")), 0; });
}

// A disk that is full: here, a process that may not write more than 1000 bytes to a file.
TEST(File, FailureLeavesTheOldFile) {
    const Folder folder;
    write_file(folder / "f", std::string_view("old"));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1000, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    error_of(ErrorKind::io, [&] { return write_file(folder / "f", std::string(5000, 'n')), 0; });
    error_of(ErrorKind::io, [&] { return write_file(folder / "g", std::string(5000, 'n')), 0; });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(read_text(folder / "f"), "old");
    EXPECT_EQ(files_in(folder), 1U);  // and nothing half-written beside it
}

TEST(File, PermissionsFollowTheMaskOrTheOldFile) {
    const Folder folder;
    const mode_t mask = ::umask(027);
    write_file(folder / "new", std::string_view("x"));
    ::umask(mask);
    EXPECT_EQ(mode(folder / "new"), 0640U);
    std::filesystem::permissions(folder / "new", std::filesystem::perms(0600));
    write_file(folder / "new", std::string_view("y"));
    EXPECT_EQ(mode(folder / "new"), 0600U);
    EXPECT_EQ(read_text(folder / "new"), "y");
}

TEST(File, WritesBehindLinks) {
    const Folder folder;
    write_file(folder / "f", std::string_view("old"));
    std::filesystem::create_symlink("f", folder / "link");
    std::filesystem::create_symlink("link", folder / "further");
    write_file(folder / "further", std::string_view("new"));
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "further"));
    EXPECT_EQ(read_text(folder / "f"), "new");
    std::filesystem::create_symlink("later", folder / "dangling");
    write_file(folder / "dangling", std::string_view("here"));
    EXPECT_EQ(read_text(folder / "later"), "here");
    std::filesystem::create_symlink("round", folder / "round");
    write_file(folder / "round", std::string_view("x"));  // leads nowhere: replaced
    EXPECT_EQ(read_text(folder / "round"), "x");
}

TEST(File, LongestNameAndPlainName) {
    const Folder folder;
    const std::string name(255, 'n');
    write_file(folder / name, std::string_view("x"));
    EXPECT_EQ(read_text(folder / name), "x");
    const auto here = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    write_file("plain", std::string_view("y"));
    std::filesystem::current_path(here);
    EXPECT_EQ(read_text(folder / "plain"), "y");
}

// Whoever reads while others write sees one whole file or another.
TEST(File, NoReaderSeesHalf) {
    const Folder folder;
    write_file(folder / "f", std::string(50000, 'a'));
    std::jthread one([&] {
        for (int i = 0; i < 20; ++i) write_file(folder / "f", std::string(50000, 'b'));
    });
    std::jthread two([&] {
        for (int i = 0; i < 20; ++i) write_file(folder / "f", std::string(50000, 'c'));
    });
    for (int i = 0; i < 50; ++i) {
        const std::string text = read_text(folder / "f");
        ASSERT_EQ(text, std::string(50000, text[0]));
    }
    one.join();
    two.join();
    EXPECT_EQ(files_in(folder), 1U);
}

}  // namespace
}  // namespace whence
