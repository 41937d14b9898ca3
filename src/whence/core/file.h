#pragma once
// Files: read whole with a size limit, or piece by piece; written so that no reader ever sees half of one.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whence {

/// The file's bytes. Throws Error(io) naming the file and why; Error(limit) above `limit` bytes.
[[nodiscard]] std::vector<std::byte> read_file(const std::filesystem::path& path,
                                               uint64_t limit = uint64_t{4} << 30);
[[nodiscard]] std::string read_text(const std::filesystem::path& path,
                                    uint64_t limit = uint64_t{1} << 30);

/// A file read from front to back, as much at a time as the caller has room for.
class FileReader {
  public:
    /// Throws Error(io).
    explicit FileReader(std::filesystem::path path);
    ~FileReader();
    FileReader(const FileReader&) = delete;
    FileReader& operator=(const FileReader&) = delete;

    /// Fills `room` but for the end of the file; the bytes read, 0 at the end. Throws Error(io).
    size_t read(std::span<std::byte> room);
    /// The next read begins there. Throws Error(io) for what has no places (a pipe).
    void seek(uint64_t place);
    [[nodiscard]] uint64_t size() const { return size_; }    ///< when it was opened
    [[nodiscard]] uint64_t place() const { return place_; }  ///< where the next read begins
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    int file_;
    uint64_t size_ = 0, place_ = 0;
};

/// A file written bit by bit, which is there whole or not at all: what was appended stands beside the
/// target, under another name, until commit renames it. Without commit nothing is left.
class FileWriter {
  public:
    /// Throws Error(io).
    explicit FileWriter(std::filesystem::path path);
    ~FileWriter();
    FileWriter(FileWriter&& other) noexcept;
    FileWriter& operator=(FileWriter&&) = delete;

    void append(std::span<const std::byte> bytes);  ///< Throws Error(io).
    void append(std::string_view text) { append(std::as_bytes(std::span(text.data(), text.size()))); }
    /// Permissions and symbolic links of an old file stay. Throws Error(io).
    void commit();

  private:
    std::filesystem::path path_, temporary_;  // temporary_ is empty for a device, and once renamed
    int file_;
};

/// Bytes put aside on the disk of a folder, in a file without a name: it is gone when this is.
class Spool {
  public:
    /// Throws Error(io).
    explicit Spool(std::filesystem::path folder);
    ~Spool();
    Spool(Spool&& other) noexcept;
    Spool& operator=(Spool&&) = delete;

    void append(std::span<const std::byte> bytes);  ///< Throws Error(io).
    [[nodiscard]] uint64_t size() const { return size_; }
    /// Everything from the front, a piece at a time.
    void each(const std::function<void(std::span<const std::byte>)>& piece) const;

  private:
    std::filesystem::path folder_;
    int file_;
    uint64_t size_ = 0;
};

/// Writes beside the target and renames: either the whole new file is there or the old one is
/// untouched, also on a full disk. Permissions and symbolic links stay. Throws Error(io).
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace whence
