#include "whence/core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "whence/core/error.h"

namespace whence {
namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path, int error) {
    throw Error(ErrorKind::io, what + " " + printable(path.string(), 400) + ": " + std::strerror(error));
}

class Descriptor {
 public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
    int fd_;
};

// Returns 0 or the errno of what failed.
int write_all(int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return written < 0 ? errno : EIO;
        bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path, uint64_t limit) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) fail("cannot read", path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) fail("cannot read", path, errno);
    if (S_ISDIR(info.st_mode)) fail("cannot read", path, EISDIR);
    std::vector<std::byte> bytes(
        S_ISREG(info.st_mode) ? std::min<uint64_t>(static_cast<uint64_t>(info.st_size), limit) : 0);
    size_t used = 0;
    while (true) {  // also right for pipes and files that grow
        if (used == bytes.size()) bytes.resize(used + std::max<size_t>(4096, used / 4));
        const ssize_t got = ::read(file.get(), bytes.data() + used, bytes.size() - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("cannot read", path, errno);
        if (got == 0) break;
        used += static_cast<size_t>(got);
        if (used > limit)
            throw Error(ErrorKind::limit, "cannot read " + printable(path.string(), 400) +
                                              ": larger than " + std::to_string(limit) + " bytes");
    }
    bytes.resize(used);
    return bytes;
}

std::string read_text(const std::filesystem::path& path, uint64_t limit) {
    const std::vector<std::byte> bytes = read_file(path, limit);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    // A device or a pipe (/dev/stdout, /dev/full) cannot be renamed over: write to it directly.
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
        if (S_ISDIR(info.st_mode)) fail("cannot write", path, EISDIR);
        const Descriptor device(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (device.get() < 0) fail("cannot write", path, errno);
        if (const int error = write_all(device.get(), bytes)) fail("cannot write", path, error);
        return;
    }
    std::string temporary = path.string() + ".XXXXXX";
    Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
    if (file.get() < 0) fail("cannot write", path, errno);
    int error = write_all(file.get(), bytes);
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (error == 0 && ::fchmod(file.get(), 0666 & ~mask) != 0) error = errno;
    if (::close(file.release()) != 0 && error == 0) error = errno;
    if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
    if (error != 0) {
        ::unlink(temporary.c_str());
        fail("cannot write", path, error);
    }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace whence
