#include "whence/core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
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
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&&) = delete;
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

// The file that a chain of symbolic links leads to, existing or not: renaming over a link would
// replace the link.
std::filesystem::path behind_links(std::filesystem::path path) {
    std::error_code error;
    for (int links = 0; links < 40 && std::filesystem::is_symlink(path, error); ++links)
        path = path.parent_path() / std::filesystem::read_symlink(path, error);
    return path;
}

// A new, empty file in the same folder, under a name that nobody has. No descriptor: errno says why.
std::pair<std::filesystem::path, Descriptor> create_beside(const std::filesystem::path& path) {
    std::random_device random;
    while (true) {
        const std::filesystem::path name = path.parent_path() / (".whence-" + std::to_string(random()));
        const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return {name, Descriptor(fd)};
    }
}

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path, uint64_t limit) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) fail("cannot read", path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) fail("cannot read", path, errno);
    if (S_ISDIR(info.st_mode)) fail("cannot read", path, EISDIR);
    // One byte more than the file has shows its end without growing.
    std::vector<std::byte> bytes(
        S_ISREG(info.st_mode) ? std::min<uint64_t>(static_cast<uint64_t>(info.st_size), limit) + 1 : 0);
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
    struct stat old {};
    const bool exists = ::stat(path.c_str(), &old) == 0;
    // A device or a pipe (/dev/stdout, /dev/full) cannot be renamed over: write to it directly.
    if (exists && !S_ISREG(old.st_mode)) {
        if (S_ISDIR(old.st_mode)) fail("cannot write", path, EISDIR);
        const Descriptor device(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (device.get() < 0) fail("cannot write", path, errno);
        if (const int error = write_all(device.get(), bytes)) fail("cannot write", path, error);
        return;
    }
    const std::filesystem::path target = behind_links(path);
    auto [temporary, file] = create_beside(target);
    if (file.get() < 0) fail("cannot write", path, errno);
    int error = write_all(file.get(), bytes);
    if (error == 0 && exists && ::fchmod(file.get(), old.st_mode & 07777) != 0) error = errno;
    if (::close(file.release()) != 0 && error == 0) error = errno;
    if (error == 0 && ::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
    if (error != 0) {
        ::unlink(temporary.c_str());
        fail("cannot write", path, error);
    }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace whence
