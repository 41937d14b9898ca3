#pragma once
// What the decoder does not tell about a PNG or JPEG file: is it whole, and which way is up.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace whence::data {

struct ImageFile {
    enum class Format { none, png, jpeg } format = Format::none;
    int orientation = 1;  ///< EXIF tag 0x0112, 1 to 8
    std::string failure;  ///< "is truncated", ...; empty: nothing wrong was found
};

/// Walks chunks or markers to the end of the picture. A decoder would fill what is missing with
/// grey or read a damaged chunk as if nothing had happened.
[[nodiscard]] ImageFile inspect_image_file(std::span<const std::byte> bytes);

/// The most pixels that a file of this many bytes can describe: DEFLATE shrinks at most 1032 times,
/// JPEG spends at least one bit on a block of 64 pixels.
[[nodiscard]] int64_t most_pixels(ImageFile::Format format, size_t file_size);

}  // namespace whence::data
