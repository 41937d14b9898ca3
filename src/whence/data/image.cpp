#include "image.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "image_file.h"
#include "stb.h"
#include "whence/core/error.h"
#include "whence/core/file.h"

namespace whence::data {
namespace {

std::string_view name(ImageFile::Format format) {
    return format == ImageFile::Format::png ? "PNG" : "JPEG";
}

// stb's longest-lived buffer: 8 bytes a pixel (16-bit colour with alpha), and twice that while it
// grows; the sides of a JPEG are rounded up to whole blocks of 32 pixels.
size_t decoder_limit(const stb::Picture& size, size_t file_size) {
    return static_cast<size_t>(16 * (size.width + 64) * (size.height + 64)) + 2 * file_size +
           (1 << 20);
}

/// Alpha laid over white, rounded to nearest.
Image opaque(stb::Picture&& picture) {
    Image image{picture.height, picture.width, picture.channels <= 2 ? 1 : 3, {}};
    if (picture.channels == image.channels) {
        image.pixels = std::move(picture.pixels);
        return image;
    }
    image.pixels.resize(static_cast<size_t>(image.height * image.width * image.channels));
    const uint8_t* from = picture.pixels.data();
    uint8_t* to = image.pixels.data();
    for (int64_t pixel = 0; pixel < image.height * image.width; ++pixel) {
        const int alpha = from[image.channels];
        for (int64_t channel = 0; channel < image.channels; ++channel)
            *to++ = static_cast<uint8_t>((from[channel] * alpha + 255 * (255 - alpha) + 127) / 255);
        from += picture.channels;
    }
    return image;
}

/// Undoes an EXIF orientation: mirror rows and columns of the source, then swap the axes.
Image upright(Image image, int orientation) {
    if (orientation == 1) return image;
    const bool swap = orientation >= 5;
    const bool flip_rows =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const bool flip_columns =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    Image out{
        swap ? image.width : image.height, swap ? image.height : image.width, image.channels, {}};
    out.pixels.resize(image.pixels.size());
    uint8_t* to = out.pixels.data();
    for (int64_t y = 0; y < out.height; ++y) {
        for (int64_t x = 0; x < out.width; ++x) {
            int64_t row = swap ? x : y, column = swap ? y : x;
            if (flip_rows) row = image.height - 1 - row;
            if (flip_columns) column = image.width - 1 - column;
            const uint8_t* from = &image.pixels[(row * image.width + column) * image.channels];
            for (int64_t channel = 0; channel < image.channels; ++channel) *to++ = from[channel];
        }
    }
    return out;
}

void expect_whole(const Image& image) {
    if (image.height < 1 || image.width < 1 || (image.channels != 1 && image.channels != 3) ||
        static_cast<int64_t>(image.pixels.size()) != image.height * image.width * image.channels)
        throw Error(ErrorKind::internal, "an image whose pixels do not fit its size");
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, std::string_view source) {
    const std::string shown = printable(source, 400);
    const auto fail = [&](ErrorKind kind, const std::string& why) {
        throw Error(kind, shown + why);
    };
    const ImageFile file = inspect_image_file(bytes);
    if (file.format == ImageFile::Format::none)
        fail(ErrorKind::input, bytes.empty() ? " is no PNG or JPEG image: it is empty"
                                             : " is no PNG or JPEG image: it begins like neither");
    if (!file.failure.empty())
        fail(ErrorKind::input, fmt::format(": this {} image {}", name(file.format), file.failure));

    const stb::Picture size = stb::read_size(bytes);
    if (!size.failure.empty())
        fail(ErrorKind::input, fmt::format(" is no PNG or JPEG image: {}", size.failure));
    const int64_t pixels = size.width * size.height;
    if (pixels > max_pixels)
        fail(ErrorKind::limit, fmt::format(": {} x {} pixels; at most {} million are read",
                                           size.width, size.height, max_pixels / 1'000'000));
    if (pixels > most_pixels(file.format, bytes.size()))
        fail(ErrorKind::input,
             fmt::format(": this {} image is damaged: {} bytes cannot hold {} x {} pixels",
                         name(file.format), bytes.size(), size.width, size.height));

    stb::Picture picture = stb::decode(bytes, decoder_limit(size, bytes.size()));
    if (!picture.failure.empty())
        fail(ErrorKind::input,
             fmt::format(": this {} image is damaged: {}", name(file.format), picture.failure));
    return upright(opaque(std::move(picture)), file.orientation);
}

Image read_image(const std::filesystem::path& path) {
    return decode_image(read_file(path, uint64_t{1} << 30), path.string());
}

std::vector<std::byte> encode_png(const Image& image) {
    expect_whole(image);
    if (image.height * image.width > max_pixels)
        throw Error(ErrorKind::limit, "an image of more than 100 million pixels");
    return stb::encode_png(image.width, image.height, image.channels, image.pixels);
}

Image center_crop(const Image& image, int64_t height, int64_t width) {
    expect_whole(image);
    if (height < 1 || width < 1 || height > image.height || width > image.width)
        throw Error(ErrorKind::input,
                    fmt::format("cannot crop an image of {} x {} pixels to {} x {}", image.width,
                                image.height, width, height));
    const auto top =
        static_cast<int64_t>(std::nearbyint(static_cast<double>(image.height - height) / 2));
    const auto left =
        static_cast<int64_t>(std::nearbyint(static_cast<double>(image.width - width) / 2));
    Image out{height, width, image.channels, {}};
    out.pixels.resize(static_cast<size_t>(height * width * image.channels));
    for (int64_t row = 0; row < height; ++row)
        std::memcpy(&out.pixels[row * width * image.channels],
                    &image.pixels[((top + row) * image.width + left) * image.channels],
                    static_cast<size_t>(width * image.channels));
    return out;
}

Image to_gray(const Image& image) {
    expect_whole(image);
    if (image.channels == 1) return image;
    Image out{image.height, image.width, 1, {}};
    out.pixels.reserve(static_cast<size_t>(image.height * image.width));
    // 0.299, 0.587 and 0.114 in units of 2^-16.
    for (size_t i = 0; i < image.pixels.size(); i += 3)
        out.pixels.push_back(
            static_cast<uint8_t>((image.pixels[i] * 19595 + image.pixels[i + 1] * 38470 +
                                  image.pixels[i + 2] * 7471 + 0x8000) >>
                                 16));
    return out;
}

Image to_rgb(const Image& image) {
    expect_whole(image);
    if (image.channels == 3) return image;
    Image out{image.height, image.width, 3, {}};
    out.pixels.reserve(3 * image.pixels.size());
    for (const uint8_t pixel : image.pixels) out.pixels.insert(out.pixels.end(), 3, pixel);
    return out;
}

}  // namespace whence::data
