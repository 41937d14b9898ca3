#pragma once
// The header of a .npy array: what its bytes mean. Format: NumPy, numpy/lib/format.py.

#include <cstddef>
#include <span>
#include <string>
#include <vector>
#include <string_view>

#include "whence/core/tensor.h"

namespace whence::data {

struct NpyHeader {
    ElementType type = ElementType::float32;
    size_t item_size = 0;    ///< bytes of one element in the file; for text 4 or 1 a character
    bool wide_text = false;  ///< '<U': 4 bytes a character; else '|S'
    bool big_endian = false;
    bool fortran_order = false;
    Shape shape;
    size_t data_offset = 0;
};

/// Throws Error(input), a line that begins with `name`.
[[nodiscard]] NpyHeader read_npy_header(std::span<const std::byte> bytes, const std::string& name);

/// All that stands before the elements in a file.
void append_header(std::vector<std::byte>& out, const std::string& type, const Shape& shape);

/// The element type as NumPy writes it, "<f4"; `text_length` is that of the longest string.
[[nodiscard]] std::string npy_type(ElementType type, size_t text_length);

}  // namespace whence::data
