#pragma once
// NumPy's files: one array (.npy, versions 1 to 3) or several with names (.npz).
//
// Either byte order and either order of axes is read; little-endian C order is written. Text ('<U',
// and '|S' when reading) becomes a string tensor in UTF-8. bfloat16, which NumPy does not know, is
// written as float32. Files are untrusted: every length is checked against the bytes that are there
// before anything is allocated, one file may hold 4 GiB, and pickled objects are refused.

#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "whence/core/batch.h"
#include "whence/core/file.h"

namespace whence::data {

/// Throws Error(input), one line that begins with `name`, where the bytes are no such array;
/// Error(limit) beyond 4 GiB.
[[nodiscard]] Tensor decode_npy(std::span<const std::byte> bytes,
                                std::string_view name = "the data");
/// Arrays in the order of the archive, named as in numpy.load (without ".npy").
[[nodiscard]] std::vector<NamedTensor> decode_npz(std::span<const std::byte> bytes,
                                                  std::string_view name = "the data");

/// Throws Error(input) for text that is not UTF-8.
[[nodiscard]] std::vector<std::byte> encode_npy(const Tensor& tensor);
/// An archive of stored (uncompressed) arrays. Names must be there and differ: Error(usage).
[[nodiscard]] std::vector<std::byte> encode_npz(std::span<const NamedTensor> tensors);

/// The file's arrays, .npz or .npy by its first bytes; the array of a .npy has the name "".
[[nodiscard]] std::vector<NamedTensor> read_arrays(const std::filesystem::path& path);
[[nodiscard]] Tensor read_npy(const std::filesystem::path& path);
[[nodiscard]] std::vector<NamedTensor> read_npz(const std::filesystem::path& path);
void write_npy(const std::filesystem::path& path, const Tensor& tensor);
void write_npz(const std::filesystem::path& path, std::span<const NamedTensor> tensors);

/// An array of doubles that grows on a disk, not in memory, and is written when it is whole.
class GrowingArray {
  public:
    /// Elements lie in a file without a name in `folder`; each row is of shape `row`.
    GrowingArray(std::string name, const std::filesystem::path& folder, Shape row = {})
        : name_(std::move(name)), row_(std::move(row)), elements_(folder) {}
    /// Whole rows, one after the other. Throws Error(io).
    void append(std::span<const double> rows) { elements_.append(std::as_bytes(rows)); }
    [[nodiscard]] const std::string& name() const { return name_; }
    /// The bytes of its .npy file, piece by piece.
    void each(const std::function<void(std::span<const std::byte>)>& piece) const;

  private:
    std::string name_;
    Shape row_;
    Spool elements_;
};
/// Files of any size; beyond 4 GiB a .npz is a zip64 archive. Throw Error(io).
void write_npy(const std::filesystem::path& path, const GrowingArray& array);
void write_npz(const std::filesystem::path& path, std::span<const GrowingArray> arrays,
               std::span<const NamedTensor> tensors);

}  // namespace whence::data
