#include "image_file.h"

#include "bytes.h"

namespace whence::data {
namespace {

using Bytes = std::span<const std::byte>;
constexpr std::string_view png_signature = "\x89PNG\r\n\x1a\n";
constexpr std::string_view exif_signature("Exif\0\0", 6);

bool starts_with(Bytes bytes, std::string_view text) {
    return bytes.size() >= text.size() && as_text(bytes.first(text.size())) == text;
}

/// The orientation in a TIFF structure (EXIF 2.3, section 4.5); 1 wherever it cannot be found.
int tiff_orientation(Bytes tiff) {
    const bool little = starts_with(tiff, std::string_view("II*\0", 4));
    if (!little && !starts_with(tiff, std::string_view("MM\0*", 4))) return 1;
    const auto number = [&](size_t at, int width) {
        return little ? little_endian(tiff, at, width) : big_endian(tiff, at, width);
    };
    if (tiff.size() < 8) return 1;
    const size_t directory = number(4, 4);
    if (directory + 2 > tiff.size()) return 1;
    const size_t entries = number(directory, 2);
    for (size_t i = 0; i < entries; ++i) {
        const size_t entry = directory + 2 + i * 12;
        if (entry + 12 > tiff.size()) return 1;
        if (number(entry, 2) != 0x0112) continue;
        const uint64_t value = number(entry + 8, 2);
        return number(entry + 2, 2) == 3 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

ImageFile inspect_png(Bytes bytes) {
    ImageFile file{.format = ImageFile::Format::png};
    size_t at = png_signature.size();
    while (at + 12 <= bytes.size()) {
        const size_t length = big_endian(bytes, at, 4);
        if (length > bytes.size() - at - 12) break;
        const std::string_view type = as_text(bytes.subspan(at + 4, 4));
        const bool critical = (type[0] & 0x20) == 0;
        if (critical &&
            !checksum_holds(bytes.subspan(at + 4, length + 4),
                            static_cast<uint32_t>(big_endian(bytes, at + 8 + length, 4)))) {
            file.failure = "is damaged: a checksum is wrong";
            return file;
        }
        if (type == "eXIf") file.orientation = tiff_orientation(bytes.subspan(at + 8, length));
        if (type == "IEND") return file;
        at += length + 12;
    }
    file.failure = "is truncated";
    return file;
}

// Scans are counted because each may touch every block: a small file of a thousand scans would keep
// the decoder busy for minutes. Encoders write about ten.
constexpr int most_scans = 100;

/// Whether each Huffman table fits into its segment and has at most 256 codes. Not every version of
/// the decoder checks that: more codes would be written past the end of its own table.
bool huffman_tables_fit(Bytes segment) {
    constexpr size_t head = 17;  // class and number, then how many codes there are of each length
    while (!segment.empty()) {
        if (segment.size() < head) return false;
        size_t codes = 0;
        for (size_t i = 1; i < head; ++i) codes += std::to_integer<size_t>(segment[i]);
        if (codes > 256 || head + codes > segment.size()) return false;
        segment = segment.subspan(head + codes);
    }
    return true;
}

ImageFile inspect_jpeg(Bytes bytes) {
    ImageFile file{.format = ImageFile::Format::jpeg};
    int scans = 0;
    for (size_t at = 2; at < bytes.size();) {
        // Anything up to the next marker is skipped: in a scan that is the picture itself.
        while (at < bytes.size() && bytes[at] != std::byte{0xFF}) ++at;
        while (at < bytes.size() && bytes[at] == std::byte{0xFF}) ++at;
        if (at == bytes.size()) break;
        const auto marker = std::to_integer<int>(bytes[at++]);
        if (marker == 0xD9) return file;  // end of image
        const bool alone = marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
        if (alone) continue;
        if (at + 2 > bytes.size()) break;
        const size_t length = big_endian(bytes, at, 2);
        if (length < 2 || length > bytes.size() - at) break;
        const Bytes segment = bytes.subspan(at + 2, length - 2);
        if (marker == 0xE1 && starts_with(segment, exif_signature))
            file.orientation = tiff_orientation(segment.subspan(exif_signature.size()));
        if (marker == 0xC4 && !huffman_tables_fit(segment)) {
            file.failure = "is damaged: a Huffman table is too large";
            return file;
        }
        if (marker == 0xDA && ++scans > most_scans) {
            file.failure = "has too many scans";
            return file;
        }
        at += length;
    }
    file.failure = "is truncated";
    return file;
}

}  // namespace

ImageFile inspect_image_file(Bytes bytes) {
    if (starts_with(bytes, png_signature)) return inspect_png(bytes);
    if (starts_with(bytes, "\xFF\xD8\xFF")) return inspect_jpeg(bytes);
    return {};
}

int64_t most_pixels(ImageFile::Format format, size_t file_size) {
    // PNG: up to 8 pixels in a byte; JPEG: up to 8 blocks in a byte.
    const int64_t per_byte = format == ImageFile::Format::png ? 1032 * 8 : 8 * 64;
    return static_cast<int64_t>(file_size) * per_byte;
}

}  // namespace whence::data
