#pragma once
// The few functions of stb that Whence uses, each with a limit on what it may allocate.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace whence::data::stb {

struct Picture {
    int64_t width = 0, height = 0;
    int64_t channels = 0;         ///< 1 grey, 2 with alpha, 3 colour, 4 with alpha
    std::vector<uint8_t> pixels;  ///< empty after read_size
    std::string failure;          ///< why there is no picture; empty: there is one
};

/// Sizes only, from the header.
[[nodiscard]] Picture read_size(std::span<const std::byte> file);
/// Refuses to allocate more than `limit` bytes at once.
[[nodiscard]] Picture decode(std::span<const std::byte> file, size_t limit);

[[nodiscard]] std::vector<std::byte> encode_png(int64_t width, int64_t height, int64_t channels,
                                                std::span<const uint8_t> pixels);

/// Whether raw DEFLATE data fill `out` exactly. Both at most INT_MAX bytes.
[[nodiscard]] bool inflate(std::span<const std::byte> deflated, std::span<std::byte> out);

}  // namespace whence::data::stb
