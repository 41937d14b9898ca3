#include "row_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "csv_cells.h"
#include "npy_header.h"
#include "npy_numbers.h"
#include "whence/core/error.h"
#include "whence/core/file.h"

namespace whence::data {
namespace {

double share_of(const FileReader& file) {
    return file.size() == 0 ? 1
                            : std::min(1.0, static_cast<double>(file.place()) /
                                                static_cast<double>(file.size()));
}

class CsvStream final : public RowStream {
  public:
    CsvStream(const std::filesystem::path& path, const Schema& schema)
        : schema_(schema),
          file_(path),
          reader_(file_),
          parser_(reader_, schema_, printable(path.string(), 400)) {}

    std::optional<Tensor> next(int64_t most) override {
        const size_t columns = schema_.size();
        std::vector<double> values;
        int64_t rows = 0;
        for (; rows < most; ++rows) {
            values.resize((rows + 1) * columns);
            if (!parser_.next(std::span(values).subspan(rows * columns))) break;
        }
        if (rows == 0) return std::nullopt;
        values.resize(rows * columns);
        return Tensor::of<double>({rows, static_cast<int64_t>(columns)}, values);
    }
    double share() const override { return share_of(file_); }

  private:
    const Schema schema_;
    FileReader file_;
    CsvReader reader_;
    RowParser parser_;
};

/// The header alone: what follows is not read.
NpyHeader header_of(FileReader& file) {
    constexpr size_t longest = (1 << 16) + 16;
    std::vector<std::byte> start(longest);
    start.resize(file.read(start));
    return read_npy_header(start, printable(file.path().string(), 400));
}

class NpyStream final : public RowStream {
  public:
    explicit NpyStream(const std::filesystem::path& path) : file_(path), header_(header_of(file_)) {
        const std::string name = printable(path.string(), 400);
        if (header_.shape.size() != 2 || header_.type == ElementType::string)
            throw Error(ErrorKind::input,
                        fmt::format("{}: rows of numbers [rows, columns] are read, this array is {} "
                                    "of shape {}",
                                    name, whence::name(header_.type), to_string(header_.shape)));
        if (header_.fortran_order)
            throw Error(ErrorKind::input,
                        name + ": columns lie one after the other (Fortran order); save it with "
                               "numpy.ascontiguousarray");
        row_bytes_ = header_.item_size * static_cast<size_t>(header_.shape[1]);
        const auto rows = static_cast<uint64_t>(header_.shape[0]);
        if (row_bytes_ == 0 || rows > (uint64_t{1} << 62) / row_bytes_ ||
            header_.data_offset + rows * row_bytes_ != file_.size())
            throw Error(ErrorKind::input,
                        fmt::format("{}: an array of shape {} does not fit its {} bytes", name,
                                    to_string(header_.shape), file_.size()));
        file_.seek(header_.data_offset);
    }

    std::optional<Tensor> next(int64_t most) override {
        const int64_t rows = std::min(most, header_.shape[0] - row_);
        if (rows <= 0) return std::nullopt;
        std::vector<std::byte> bytes(static_cast<size_t>(rows) * row_bytes_);
        if (file_.read(bytes) != bytes.size())
            throw Error(ErrorKind::io, printable(file_.path().string(), 400) +
                                           " became shorter while it was read");
        row_ += rows;
        NpyHeader block = header_;
        block.shape[0] = rows;
        return decode_numbers(bytes, block).cast(ElementType::float64);
    }
    double share() const override { return share_of(file_); }

  private:
    FileReader file_;
    NpyHeader header_;
    size_t row_bytes_ = 0;
    int64_t row_ = 0;
};

}  // namespace

std::unique_ptr<RowStream> stream_csv(const std::filesystem::path& path, const Schema& schema) {
    return std::make_unique<CsvStream>(path, schema);
}

std::unique_ptr<RowStream> stream_npy(const std::filesystem::path& path) {
    return std::make_unique<NpyStream>(path);
}

Shape npy_shape(const std::filesystem::path& path) {
    FileReader file(path);
    return header_of(file).shape;
}

}  // namespace whence::data
