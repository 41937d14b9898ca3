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
    return 0;
}

int flush(int fd) {
    return ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

// The bytes read; none at the end. Throws Error(io).
size_t read_some(int fd, std::span<std::byte> room, const std::filesystem::path& path) {
    while (true) {
        const ssize_t got = ::read(fd, room.data(), room.size());
        if (got >= 0) return static_cast<size_t>(got);
        if (errno != EINTR) fail("cannot read", path, errno);
    }
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
std::pair<std::filesystem::path, Descriptor> create_beside(const std::filesystem::path& path,
                                                           int access = O_WRONLY) {
    std::random_device random;
    while (true) {
        const std::filesystem::path name = path.parent_path() / (".whence-" + std::to_string(random()));
        const int fd = ::open(name.c_str(), access | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
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
        const size_t got = read_some(file.get(), std::span(bytes).subspan(used), path);
        if (got == 0) break;
        used += got;
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

FileReader::FileReader(std::filesystem::path path)
    : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) fail("cannot read", path_, errno);
    Descriptor guard(file_);
    struct stat info {};
    if (::fstat(file_, &info) != 0) fail("cannot read", path_, errno);
    if (S_ISDIR(info.st_mode)) fail("cannot read", path_, EISDIR);
    size_ = static_cast<uint64_t>(info.st_size);
    static_cast<void>(guard.release());
}

FileReader::~FileReader() {
    ::close(file_);
}

size_t FileReader::read(std::span<std::byte> room) {
    size_t used = 0;
    while (used < room.size()) {
        const size_t got = read_some(file_, room.subspan(used), path_);
        if (got == 0) break;
        used += got;
    }
    place_ += used;
    return used;
}

void FileReader::seek(uint64_t place) {
    if (::lseek(file_, static_cast<off_t>(place), SEEK_SET) < 0) fail("cannot read", path_, errno);
    place_ = place;
}

FileWriter::FileWriter(std::filesystem::path path) : path_(std::move(path)), file_(-1) {
    struct stat old {};
    // A device or a pipe (/dev/stdout, /dev/full) cannot be renamed over: it is written to directly.
    if (::stat(path_.c_str(), &old) == 0 && !S_ISREG(old.st_mode)) {
        if (S_ISDIR(old.st_mode)) fail("cannot write", path_, EISDIR);
        file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    } else {
        auto [temporary, file] = create_beside(behind_links(path_));
        file_ = file.release();
        if (file_ >= 0) temporary_ = temporary;
    }
    if (file_ < 0) fail("cannot write", path_, errno);
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::exchange(other.file_, -1)) {}

FileWriter::~FileWriter() {
    if (file_ >= 0) ::close(file_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void FileWriter::append(std::span<const std::byte> bytes) {
    if (const int error = write_all(file_, bytes)) fail("cannot write", path_, error);
}

void FileWriter::commit() {
    int error = flush(file_);
    struct stat old {};
    const std::filesystem::path target = behind_links(path_);
    const bool renames = !temporary_.empty();
    if (error == 0 && renames && ::stat(target.c_str(), &old) == 0 &&
        ::fchmod(file_, old.st_mode & 07777) != 0)
        error = errno;
    if (::close(std::exchange(file_, -1)) != 0 && error == 0) error = errno;
    if (error == 0 && renames && ::rename(temporary_.c_str(), target.c_str()) != 0) error = errno;
    if (error != 0) fail("cannot write", path_, error);
    temporary_.clear();
}

Spool::Spool(std::filesystem::path folder) : folder_(std::move(folder)), file_(-1) {
    auto [name, file] = create_beside(folder_ / "spool", O_RDWR);
    file_ = file.release();
    if (file_ < 0) fail("cannot write into", folder_, errno);
    ::unlink(name.c_str());
}

Spool::Spool(Spool&& other) noexcept
    : folder_(std::move(other.folder_)), file_(std::exchange(other.file_, -1)), size_(other.size_) {}

Spool::~Spool() {
    if (file_ >= 0) ::close(file_);
}

void Spool::append(std::span<const std::byte> bytes) {
    if (const int error = write_all(file_, bytes)) fail("cannot write into", folder_, error);
    size_ += bytes.size();
}

void Spool::each(const std::function<void(std::span<const std::byte>)>& piece) const {
    std::vector<std::byte> room(1 << 20);
    for (uint64_t at = 0; at < size_;) {
        const ssize_t got = ::pread(file_, room.data(), room.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) fail("cannot read back from", folder_, got < 0 ? errno : EIO);
        piece(std::span(room).first(static_cast<size_t>(got)));
        at += static_cast<uint64_t>(got);
    }
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    FileWriter file(path);
    file.append(bytes);
    file.commit();
}

void write_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace whence
