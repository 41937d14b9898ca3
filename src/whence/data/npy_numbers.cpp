#include "npy_numbers.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace whence::data {
namespace {

// Numbers are copied between files and tensors as they lie.
static_assert(std::endian::native == std::endian::little);

void swap_bytes(std::byte* data, size_t bytes, size_t item_size) {
    for (size_t at = 0; at < bytes; at += item_size) std::reverse(data + at, data + at + item_size);
}

}  // namespace

Tensor decode_numbers(std::span<const std::byte> data, const NpyHeader& header) {
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

}  // namespace whence::data
