#include "whence/store/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "whence/core/error.h"

namespace whence::store {
namespace {

std::string shown(const std::filesystem::path& path) {
    return printable(path.string(), 400);
}

[[noreturn]] void fail_with(const std::filesystem::path& path, std::string_view what, int error) {
    throw Error(ErrorKind::io, fmt::format("{}: {}: {}", shown(path), what, std::strerror(error)));
}

// Closes on the way out unless it was let go.
struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
    int release() { return std::exchange(number, -1); }
};

uint64_t size_of(int file, const std::filesystem::path& path) {
    struct stat facts {};
    if (::fstat(file, &facts) != 0) fail_with(path, "cannot be read", errno);
    return static_cast<uint64_t>(facts.st_size);
}

void require_size(uint64_t there, uint64_t wanted, const std::filesystem::path& path) {
    if (there < wanted)
        throw Error(ErrorKind::input,
                    fmt::format("{}: this file is damaged: {} bytes where the store counts on {}; "
                                "restore it from a copy, or index again into another folder",
                                shown(path), there, wanted));
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path, uint64_t size) : size_(size) {
    if (size == 0) return;
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.number < 0) fail_with(path, "cannot be read", errno);
    require_size(size_of(file.number, path), size, path);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number, 0);
    if (memory == MAP_FAILED) fail_with(path, "cannot be mapped", errno);
    data_ = static_cast<const std::byte*>(memory);
}

MappedFile::~MappedFile() {
    if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

AppendedFile::AppendedFile(std::filesystem::path path, uint64_t size)
    : path_(std::move(path)), size_(size) {
    Descriptor file{::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)};
    if (file.number < 0) fail(errno);
    require_size(size_of(file.number, path_), size, path_);
    if (::ftruncate(file.number, static_cast<off_t>(size)) != 0) fail(errno);
    file_ = file.release();
}

AppendedFile::~AppendedFile() {
    if (file_ >= 0) ::close(file_);
}

AppendedFile::AppendedFile(AppendedFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      size_(std::exchange(other.size_, 0)) {}

AppendedFile& AppendedFile::operator=(AppendedFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(file_, other.file_);
    std::swap(size_, other.size_);
    return *this;
}

void AppendedFile::append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail(errno);
        size_ += static_cast<uint64_t>(written);
        bytes = bytes.subspan(static_cast<size_t>(written));
    }
}

void AppendedFile::sync() {
    if (::fdatasync(file_) != 0) fail(errno);
}

void AppendedFile::cut(uint64_t size) noexcept {
    size_ = size;
    // Where this fails the next writer does it.
    (void)!::ftruncate(file_, static_cast<off_t>(size));
}

void AppendedFile::fail(int error) const {
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    fail_with(path_,
              full ? "there is no room; the store is as it was before: make room and go on"
                   : "cannot be written",
              error);
}

WriterLock::WriterLock(const std::filesystem::path& folder) : file_(-1) {
    const std::filesystem::path path = folder / "lock";
    Descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)};
    if (file.number < 0) fail_with(path, "cannot be written", errno);
    if (::flock(file.number, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) fail_with(path, "cannot be locked", errno);
        throw Error(ErrorKind::usage,
                    shown(folder) +
                        ": another process is writing this store; wait until it ends "
                        "(searches can go on meanwhile)");
    }
    file_ = file.release();
}

WriterLock::~WriterLock() {
    ::close(file_);
}

void sync_folder(const std::filesystem::path& folder) {
    const Descriptor file{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (file.number < 0 || ::fsync(file.number) != 0) fail_with(folder, "cannot be written", errno);
}

}  // namespace whence::store
