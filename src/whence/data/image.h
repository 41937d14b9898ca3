#pragma once
// Pictures as the user sees them: 8-bit pixels, read from PNG and JPEG, written as PNG.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace whence::data {

/// Row-major, channels last; 1 channel (grey) or 3 (red, green, blue).
struct Image {
    int64_t height = 0, width = 0, channels = 0;
    std::vector<uint8_t> pixels;
    friend bool operator==(const Image&, const Image&) = default;
};

/// Larger pictures are refused before anything is allocated for them.
constexpr int64_t max_pixels = 100'000'000;

/// A PNG or JPEG, turned as its EXIF orientation says, transparency laid over white. A grey picture
/// keeps its one channel. Throws Error(input), one line that begins with `name`, for anything else
/// and for a truncated or damaged file; Error(limit) above max_pixels.
[[nodiscard]] Image decode_image(std::span<const std::byte> bytes,
                                 std::string_view name = "the data");

/// The same for a file; Error(io) if it cannot be read.
[[nodiscard]] Image read_image(const std::filesystem::path& path);

[[nodiscard]] std::vector<std::byte> encode_png(const Image& image);

/// What a pixel between others is made of: the nearest two each way, or four (Keys 1981, a = -1/2).
enum class Resample { bilinear, bicubic };

/// Antialiased: the filter is widened by the factor of reduction, across and down, in the same
/// fixed-point arithmetic as Pillow's Image.resize: the same bytes as Pillow 13.
[[nodiscard]] Image resize(const Image& image, int64_t height, int64_t width,
                           Resample resample = Resample::bilinear);

/// The middle of the picture (an odd rest is rounded half to even, as torchvision does). Throws
/// Error(input) if the picture is smaller than that.
[[nodiscard]] Image center_crop(const Image& image, int64_t height, int64_t width);

/// Grey by ITU-R 601 luma with Pillow's rounding, and three equal channels. A picture that already
/// is so comes back as it stands.
[[nodiscard]] Image to_gray(const Image& image);
[[nodiscard]] Image to_rgb(const Image& image);

}  // namespace whence::data
