#pragma once
// The rows of a table or an array file, block by block: memory does not grow with the file.

#include <filesystem>
#include <memory>
#include <optional>

#include "whence/core/schema.h"
#include "whence/core/tensor.h"

namespace whence::data {

class RowStream {
  public:
    virtual ~RowStream() = default;
    /// The next rows, float64 [1 to `most`, columns]; none at the end. Throws Error(input) and
    /// Error(io) as the reader of the whole file.
    [[nodiscard]] virtual std::optional<Tensor> next(int64_t most) = 0;
    /// How much of the file is behind, 0 to 1.
    [[nodiscard]] virtual double share() const = 0;
};

/// A CSV as read_csv(path, schema) reads it. `schema` is copied.
[[nodiscard]] std::unique_ptr<RowStream> stream_csv(const std::filesystem::path& path,
                                                    const Schema& schema);

/// Rows of numbers [rows, columns] in a .npy file in C order, of any length. Throws Error(input) for
/// another shape, text, or Fortran order.
[[nodiscard]] std::unique_ptr<RowStream> stream_npy(const std::filesystem::path& path);
/// The shape of the array in a .npy file. Throws Error(input), Error(io).
[[nodiscard]] Shape npy_shape(const std::filesystem::path& path);

}  // namespace whence::data
