#pragma once
// The elements of a .npy array, in either order of bytes and of axes.

#include <cstddef>
#include <span>

#include "npy_header.h"

namespace whence::data {

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

/// Numbers as the header describes them; `data` has the bytes of its shape.
[[nodiscard]] Tensor decode_numbers(std::span<const std::byte> data, const NpyHeader& header);

}  // namespace whence::data
