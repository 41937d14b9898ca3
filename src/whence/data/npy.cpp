#include "npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "bytes.h"
#include "npy_header.h"
#include "npy_numbers.h"
#include "utf.h"
#include "whence/core/error.h"
#include "whence/core/file.h"

namespace whence::data {
namespace {

constexpr uint64_t most_bytes = uint64_t{4} << 30;

/// Bytes of the elements; everything about the shape is checked against what is there.
std::span<const std::byte> elements(std::span<const std::byte> bytes, const NpyHeader& header,
                                    const std::string& name) {
    const std::span<const std::byte> data = bytes.subspan(header.data_offset);
    uint64_t size = header.item_size;
    for (const int64_t length : header.shape)
        if (__builtin_mul_overflow(size, static_cast<uint64_t>(length), &size)) size = UINT64_MAX;
    const auto count = static_cast<uint64_t>(element_count(header.shape));
    if (header.item_size == 0 && count > 0)
        throw Error(ErrorKind::input, name + ": text of length 0 is no element type of an array");
    if (size != data.size())
        throw Error(ErrorKind::input,
                    fmt::format("{}: an array of shape {} does not fit its {} bytes", name,
                                to_string(header.shape), data.size()));
    if (header.type == ElementType::string && count > most_bytes / sizeof(std::string))
        throw Error(ErrorKind::limit, name + ": more text than fits into 4 GiB");
    return data;
}

/// One string: NumPy pads with zeros.
std::string read_string(std::span<const std::byte> item, const NpyHeader& header,
                        const std::string& name) {
    std::string out;
    if (!header.wide_text) {
        out = as_text(item);
    } else {
        for (size_t at = 0; at < item.size(); at += 4) {
            const auto code = static_cast<uint32_t>(header.big_endian ? big_endian(item, at, 4)
                                                                      : little_endian(item, at, 4));
            if (!append_utf8(out, code))
                throw Error(ErrorKind::input, name + ": this array holds text that is not Unicode");
        }
    }
    out.erase(out.find_last_not_of('\0') + 1);
    return out;
}

Tensor read_strings(std::span<const std::byte> data, const NpyHeader& header,
                    const std::string& name) {
    Tensor out(ElementType::string, header.shape);
    const std::span<std::string> strings = out.as<std::string>();
    const auto move = [&](int64_t to, int64_t from) {
        const auto at = static_cast<size_t>(from) * header.item_size;
        strings[to] = read_string(data.subspan(at, header.item_size), header, name);
    };
    if (header.fortran_order)
        each_place(header.shape, out.size(), move);
    else
        for (int64_t i = 0; i < out.size(); ++i) move(i, i);
    return out;
}

std::vector<std::byte> encode_strings(const Tensor& tensor) {
    std::vector<std::u32string> wide;
    size_t longest = 1;
    for (const std::string& text : tensor.as<std::string>()) {
        const auto code_points = decode_utf8(text);
        if (!code_points)
            throw Error(ErrorKind::input,
                        "'" + printable(text, 40) + "' is not UTF-8: it cannot be written as .npy");
        wide.push_back(*code_points);
        longest = std::max(longest, wide.back().size());
    }
    std::vector<std::byte> out;
    append_header(out, npy_type(ElementType::string, longest), tensor.shape());
    out.reserve(out.size() + wide.size() * longest * 4);
    for (std::u32string& text : wide) {
        text.resize(longest, U'\0');
        for (const char32_t code : text) append_little_endian(out, code, 4);
    }
    return out;
}

}  // namespace

Tensor decode_npy(std::span<const std::byte> bytes, std::string_view source) {
    const std::string name = printable(source, 400);
    const NpyHeader header = read_npy_header(bytes, name);
    const std::span<const std::byte> data = elements(bytes, header, name);
    return header.type == ElementType::string ? read_strings(data, header, name)
                                              : decode_numbers(data, header);
}

std::vector<std::byte> encode_npy(const Tensor& tensor) {
    if (tensor.type() == ElementType::string) return encode_strings(tensor);
    if (tensor.type() == ElementType::bfloat16)
        return encode_npy(tensor.cast(ElementType::float32));
    std::vector<std::byte> out;
    append_header(out, npy_type(tensor.type(), 0), tensor.shape());
    out.insert(out.end(), tensor.data(), tensor.data() + tensor.bytes());
    return out;
}

std::vector<NamedTensor> read_arrays(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path, most_bytes);
    if (as_text(bytes).starts_with("PK")) return decode_npz(bytes, path.string());
    std::vector<NamedTensor> out;
    out.push_back({"", decode_npy(bytes, path.string())});
    return out;
}

Tensor read_npy(const std::filesystem::path& path) {
    return decode_npy(read_file(path, most_bytes), path.string());
}

std::vector<NamedTensor> read_npz(const std::filesystem::path& path) {
    return decode_npz(read_file(path, most_bytes), path.string());
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
    write_file(path, encode_npy(tensor));
}

void write_npz(const std::filesystem::path& path, std::span<const NamedTensor> tensors) {
    write_file(path, encode_npz(tensors));
}

void GrowingArray::each(const std::function<void(std::span<const std::byte>)>& piece) const {
    Shape shape{0};
    shape.insert(shape.end(), row_.begin(), row_.end());
    const auto row_bytes = static_cast<uint64_t>(element_count(row_)) * sizeof(double);
    if (row_bytes > 0) shape[0] = static_cast<int64_t>(elements_.size() / row_bytes);
    std::vector<std::byte> header;
    append_header(header, npy_type(ElementType::float64, 0), shape);
    piece(header);
    elements_.each(piece);
}

void write_npy(const std::filesystem::path& path, const GrowingArray& array) {
    FileWriter file(path);
    array.each([&](std::span<const std::byte> bytes) { file.append(bytes); });
    file.commit();
}

}  // namespace whence::data
