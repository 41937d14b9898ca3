#include "npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "bytes.h"
#include "npy_header.h"
#include "utf.h"
#include "whence/core/error.h"
#include "whence/core/file.h"

namespace whence::data {
namespace {

// Numbers are copied between files and tensors as they lie.
static_assert(std::endian::native == std::endian::little);

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

/// Calls move(to, from) for each element's place in row-major and in column-major order.
template <class Move>
void each_place(const Shape& shape, int64_t count, const Move& move) {
    const size_t rank = shape.size();
    Shape stride(rank, 1), index(rank, 0);
    for (size_t axis = 1; axis < rank; ++axis) stride[axis] = stride[axis - 1] * shape[axis - 1];
    int64_t from = 0;
    for (int64_t to = 0; to < count; ++to) {
        move(to, from);
        for (size_t axis = rank; axis-- > 0;) {
            from += stride[axis];
            if (++index[axis] < shape[axis]) break;
            from -= stride[axis] * shape[axis];
            index[axis] = 0;
        }
    }
}

void swap_bytes(std::byte* data, size_t bytes, size_t item_size) {
    for (size_t at = 0; at < bytes; at += item_size) std::reverse(data + at, data + at + item_size);
}

Tensor read_numbers(std::span<const std::byte> data, const NpyHeader& header) {
    Tensor out(header.type, header.shape);
    const size_t item = header.item_size;
    if (header.fortran_order)
        each_place(header.shape, out.size(), [&](int64_t to, int64_t from) {
            std::memcpy(out.data() + to * item, data.data() + from * item, item);
        });
    else if (!data.empty())
        std::memcpy(out.data(), data.data(), data.size());
    if (header.big_endian && item > 1) swap_bytes(out.data(), out.bytes(), item);
    if (header.type == ElementType::boolean)  // any byte but 0 is true; bool may only be 0 or 1
        for (size_t i = 0; i < out.bytes(); ++i)
            out.data()[i] = std::byte{out.data()[i] != std::byte{0}};
    return out;
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

void append_header(std::vector<std::byte>& out, const std::string& type, const Shape& shape) {
    std::string lengths;
    for (const int64_t length : shape) lengths += fmt::format("{}, ", length);
    if (shape.size() > 1) lengths.resize(lengths.size() - 2);  // "(3, 4)", but "(3,)"
    if (shape.size() == 1) lengths.resize(lengths.size() - 1);
    std::string text =
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, lengths);
    // NumPy aligns the data to 64 bytes: ten bytes before the header, a line break after it.
    text.append((64 - (10 + text.size() + 1) % 64) % 64, ' ');
    text += '\n';
    const std::string_view magic("\x93NUMPY\x01\x00", 8);
    for (const char c : magic) out.push_back(static_cast<std::byte>(c));
    append_little_endian(out, text.size(), 2);
    for (const char c : text) out.push_back(static_cast<std::byte>(c));
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
                                              : read_numbers(data, header);
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

}  // namespace whence::data
