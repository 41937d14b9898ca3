#pragma once
// The two files of the vectors of one kind: rows of one length, appended by one process, mapped by
// many. How many rows count says the database. Private to this folder.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace whence::store {

/// The first `size` bytes of a file, as memory that is read from it when it is looked at.
class MappedFile {
  public:
    MappedFile() = default;
    /// Throws Error(io), or Error(input) where the file is shorter.
    MappedFile(const std::filesystem::path& path, uint64_t size);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;

    [[nodiscard]] const std::byte* data() const { return data_; }

  private:
    const std::byte* data_ = nullptr;
    uint64_t size_ = 0;
};

class AppendedFile {
  public:
    /// Opens or creates it and cuts off what stands behind `size`: a killed process left that.
    /// Throws Error(io), or Error(input) where the file is shorter.
    AppendedFile(std::filesystem::path path, uint64_t size);
    ~AppendedFile();
    AppendedFile(AppendedFile&& other) noexcept;
    AppendedFile& operator=(AppendedFile&& other) noexcept;

    void append(std::span<const std::byte> bytes);  ///< Throws Error(io).
    void sync();                                    ///< Throws Error(io).
    [[nodiscard]] uint64_t size() const { return size_; }
    /// Takes back what was appended behind `size`.
    void cut(uint64_t size) noexcept;

  private:
    [[noreturn]] void fail(int error) const;
    std::filesystem::path path_;
    int file_ = -1;
    uint64_t size_ = 0;
};

/// One process at a time; freed when it ends, however it ends.
class WriterLock {
  public:
    /// Throws Error(usage) where another process writes, Error(io).
    explicit WriterLock(const std::filesystem::path& folder);
    ~WriterLock();
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

  private:
    int file_;
};

/// Makes names that were created or renamed in a folder last.
void sync_folder(const std::filesystem::path& folder);

}  // namespace whence::store
