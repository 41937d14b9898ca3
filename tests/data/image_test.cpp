// Reading and writing pictures: kinds of PNG and JPEG, EXIF orientation, damaged and hostile files.

#include "whence/data/image.h"

#include <algorithm>
#include <cmath>

#include "data/support.h"
#include "whence/data/bytes.h"

namespace whence::data {
namespace {

using test::bytes_of;
using test::error_of;
using test::file_bytes;
using test::test_file;

int largest_difference(const Image& a, const Image& b) {
    if (a.height != b.height || a.width != b.width || a.channels != b.channels) return 256;
    int largest = 0;
    for (size_t i = 0; i < a.pixels.size(); ++i)
        largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
    return largest;
}

std::vector<uint8_t> pixel(const Image& image, int64_t y, int64_t x) {
    const auto at = image.pixels.begin() + (y * image.width + x) * image.channels;
    return {at, at + image.channels};
}

TEST(ReadImage, PngIsExact) {
    const Image image = read_image(test_file("photo.png"));
    EXPECT_EQ(image.height, 23);
    EXPECT_EQ(image.width, 37);
    EXPECT_EQ(image.channels, 3);
    EXPECT_EQ(decode_image(encode_png(image)), image);
}

TEST(ReadImage, GrayKeepsOneChannel) {
    const Image gray = read_image(test_file("photo_gray.png"));
    EXPECT_EQ(gray.channels, 1);
    EXPECT_EQ(decode_image(encode_png(gray)), gray);
    EXPECT_EQ(to_gray(read_image(test_file("photo.png"))), gray) << "Pillow's convert('L')";
    EXPECT_EQ(to_gray(gray), gray);
    const Image rgb = to_rgb(gray);
    EXPECT_EQ(rgb.channels, 3);
    EXPECT_EQ(to_gray(rgb), gray);
    EXPECT_EQ(to_rgb(rgb), rgb);
}

TEST(ReadImage, PaletteAndFewBitsLikePillow) {
    EXPECT_EQ(read_image(test_file("palette.png")), read_image(test_file("palette_decoded.png")));
    EXPECT_EQ(read_image(test_file("one_bit.png")), read_image(test_file("one_bit_decoded.png")));
}

TEST(ReadImage, SixteenBitsKeepTheUpperEight) {
    const Image image = read_image(test_file("sixteen_bit.png"));
    EXPECT_EQ(image.channels, 1);
    EXPECT_EQ(image.pixels.front(), 0);
    EXPECT_EQ(image.pixels.back(), 255);
}

TEST(ReadImage, AlphaLiesOnWhite) {
    const Image colour = read_image(test_file("alpha.png"));
    EXPECT_EQ(pixel(colour, 0, 0), (std::vector<uint8_t>{10, 20, 30}));
    EXPECT_EQ(pixel(colour, 0, 1), (std::vector<uint8_t>{255, 255, 255}));
    // 128/255 of the colour and 127/255 of white
    EXPECT_EQ(pixel(colour, 0, 2), (std::vector<uint8_t>{177, 227, 152}));
    const Image gray = read_image(test_file("gray_alpha.png"));
    EXPECT_EQ(gray.pixels, (std::vector<uint8_t>{40, 255, 212}));
}

// Decoders differ in the rounding of the inverse cosine transform and of chroma upsampling; the
// negative control shows what another picture would give.
TEST(ReadImage, JpegLikePillow) {
    for (const std::string kind : {"baseline", "progressive", "gray"}) {
        const Image ours = read_image(test_file(kind + ".jpg"));
        Image pillow = read_image(test_file(kind + "_decoded.png"));
        EXPECT_LE(largest_difference(ours, pillow), 4) << kind;
        std::reverse(pillow.pixels.begin(), pillow.pixels.end());
        EXPECT_GT(largest_difference(ours, pillow), 8) << kind;
    }
}

// The file's blocks are red, green, blue above black, grey, white. EXIF 2.3, tag 0x0112: where row
// 0 and column 0 of the file belong in the picture.
TEST(ReadImage, OrientationIsHonoured) {
    struct Corner {
        int orientation;
        const char* top_left;
        const char* top_right;
    };
    for (const auto& [orientation, top_left, top_right] :
         {Corner{1, "red", "blue"}, Corner{2, "blue", "red"}, Corner{3, "white", "black"},
          Corner{4, "black", "white"}, Corner{5, "red", "black"}, Corner{6, "black", "red"},
          Corner{7, "white", "blue"}, Corner{8, "blue", "white"}}) {
        const Image image =
            read_image(test_file("orientation_" + std::to_string(orientation) + ".jpg"));
        EXPECT_EQ(image.height, orientation < 5 ? 32 : 48);
        EXPECT_EQ(image.width, orientation < 5 ? 48 : 32);
        const auto colour = [&](int64_t y, int64_t x) -> std::string {
            const std::vector<uint8_t> p = pixel(image, y, x);
            const bool r = p[0] > 128, g = p[1] > 128, b = p[2] > 128;
            return r && g && b ? "white" : r ? "red" : b ? "blue" : g ? "green" : "black";
        };
        EXPECT_EQ(colour(8, 8), top_left) << orientation;
        EXPECT_EQ(colour(8, image.width - 8), top_right) << orientation;
    }
}

TEST(ReadImage, BrokenExifIsIgnored) {
    std::vector<std::byte> file = file_bytes("orientation_6.jpg");
    const std::string_view text = as_text(file);
    const size_t exif = text.find(std::string_view("Exif\0\0", 6)) + 6;
    for (const size_t damaged : {exif, exif + 5, exif + 7, exif + 8, exif + 11, exif + 18}) {
        std::vector<std::byte> copy = file;
        copy[damaged] = std::byte{0xFF};
        EXPECT_EQ(decode_image(copy).pixels.size(), 32U * 48 * 3) << damaged - exif;
    }
}

TEST(ReadImage, EveryTruncationIsRefused) {
    for (const std::string name : {"photo_5x7.png", "baseline.jpg", "progressive.jpg"}) {
        const std::vector<std::byte> whole = file_bytes(name);
        (void)decode_image(whole);
        for (size_t length = 0; length < whole.size(); length += 1 + length / 40) {
            const std::string error =
                error_of([&] { (void)decode_image(std::span(whole).first(length), "cat"); });
            EXPECT_TRUE(error.starts_with("input: cat")) << name << " " << length << " " << error;
        }
        const std::string error =
            error_of([&] { (void)decode_image(std::span(whole).first(whole.size() - 1), "cat"); });
        EXPECT_EQ(error, std::string("input: cat: this ") +
                             (name.ends_with("png") ? "PNG" : "JPEG") + " image is truncated");
    }
}

TEST(ReadImage, DamagedPngIsRefused) {
    std::vector<std::byte> file = file_bytes("photo.png");
    file[file.size() / 2] ^= std::byte{1};
    EXPECT_EQ(error_of([&] { (void)decode_image(file, "cat.png"); }),
              "input: cat.png: this PNG image is damaged: a checksum is wrong");
}

TEST(ReadImage, HuffmanTablesOfTooManyCodesAreRefused) {
    std::vector<std::byte> file = file_bytes("baseline.jpg");
    const size_t table = as_text(file).find("\xFF\xC4");
    for (size_t i = 5; i < 21; ++i) file[table + i] = std::byte{17};  // 272 codes
    EXPECT_EQ(error_of([&] { (void)decode_image(file, "cat.jpg"); }),
              "input: cat.jpg: this JPEG image is damaged: a Huffman table is too large");
}

TEST(ReadImage, NoImageIsSaidInOneLine) {
    EXPECT_EQ(error_of([] { (void)decode_image({}, "a.png"); }),
              "input: a.png is no PNG or JPEG image: it is empty");
    EXPECT_EQ(error_of([] { (void)decode_image(bytes_of("hello\n"), "a.png"); }),
              "input: a.png is no PNG or JPEG image: it begins like neither");
    EXPECT_EQ(error_of([] { (void)decode_image(bytes_of("GIF89a"), "\x1b[31mx\n"); }),
              "input: ?[31mx? is no PNG or JPEG image: it begins like neither");
    EXPECT_TRUE(error_of([] {
                    (void)read_image("/no/such/file.png");
                }).starts_with("io: cannot read /no/such"));
}

std::vector<std::byte> png_claiming(uint32_t width, uint32_t height) {
    std::vector<std::byte> file = bytes_of("\x89PNG\r\n\x1a\n");
    const auto chunk = [&](std::string_view type, std::vector<std::byte> content) {
        const auto number = [&](std::vector<std::byte>& to, uint32_t value) {
            for (int shift = 24; shift >= 0; shift -= 8)
                to.push_back(static_cast<std::byte>(value >> shift));
        };
        number(file, static_cast<uint32_t>(content.size()));
        std::vector<std::byte> body = bytes_of(type);
        body.insert(body.end(), content.begin(), content.end());
        file.insert(file.end(), body.begin(), body.end());
        number(file, crc32(body));
    };
    std::vector<std::byte> header;
    for (const uint32_t side : {width, height})
        for (int shift = 24; shift >= 0; shift -= 8)
            header.push_back(static_cast<std::byte>(side >> shift));
    for (const int field : {8, 0, 0, 0, 0}) header.push_back(static_cast<std::byte>(field));
    chunk("IHDR", header);
    chunk("IDAT", std::vector<std::byte>(1000));
    chunk("IEND", {});
    return file;
}

TEST(ReadImage, HugeClaimsAreRefusedBeforeMemoryIsTaken) {
    EXPECT_EQ(error_of([] { (void)decode_image(png_claiming(20'000, 20'000), "big.png"); }),
              "limit: big.png: 20000 x 20000 pixels; at most 100 million are read");
    EXPECT_TRUE(error_of([] {
                    (void)decode_image(png_claiming(9'999, 9'999), "big.png");
                }).starts_with("input: big.png: this PNG image is damaged:"));
}

TEST(EncodePng, RefusesPixelsThatDoNotFit) {
    EXPECT_TRUE(error_of([] {
                    (void)encode_png({2, 2, 3, std::vector<uint8_t>(11)});
                }).starts_with("internal:"));
    EXPECT_TRUE(error_of([] {
                    (void)encode_png({1, 1, 4, std::vector<uint8_t>(4)});
                }).starts_with("internal:"));
}

}  // namespace
}  // namespace whence::data
