// Resizing gives the same bytes as Pillow's Image.resize(BILINEAR) (files made by make_files.py).

#include "data/support.h"
#include "whence/data/image.h"

namespace whence::data {
namespace {

using test::error_of;
using test::test_file;

struct Size {
    int64_t height, width;
};

class ResizeLikePillow : public testing::TestWithParam<Size> {};

TEST_P(ResizeLikePillow, GivesTheSameBytes) {
    const auto [height, width] = GetParam();
    const Image image = read_image(test_file("photo.png"));
    const Image expected = read_image(
        test_file("photo_" + std::to_string(height) + "x" + std::to_string(width) + ".png"));
    EXPECT_EQ(resize(image, height, width), expected);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ResizeLikePillow,
                         testing::Values(Size{5, 7}, Size{23, 9}, Size{11, 37}, Size{46, 50},
                                         Size{1, 1}, Size{224, 3}, Size{8, 31}),
                         [](const auto& test) {
                             return std::to_string(test.param.height) + "x" +
                                    std::to_string(test.param.width);
                         });

TEST(Resize, BicubicLikePillow) {
    const Image image = read_image(test_file("photo.png"));
    for (const auto& [height, width] : {Size{5, 7}, Size{46, 50}, Size{11, 37}})
        EXPECT_EQ(resize(image, height, width, Resample::bicubic),
                  read_image(test_file("photo_" + std::to_string(height) + "x" +
                                       std::to_string(width) + "_bicubic.png")));
    EXPECT_NE(resize(image, 46, 50), resize(image, 46, 50, Resample::bicubic));
}

// Negative control: the comparison above does notice a difference of one level.
TEST(Resize, PillowsBytesDifferFromNearbyOnes) {
    Image image = read_image(test_file("photo_5x7.png"));
    image.pixels[0] ^= 1;
    EXPECT_NE(resize(read_image(test_file("photo.png")), 5, 7), image);
}

TEST(Resize, GrayLikePillow) {
    EXPECT_EQ(resize(read_image(test_file("photo_gray.png")), 8, 8),
              read_image(test_file("photo_gray_8x8.png")));
}

TEST(Resize, SameSizeIsTheSamePicture) {
    const Image image = read_image(test_file("photo.png"));
    EXPECT_EQ(resize(image, image.height, image.width), image);
}

TEST(Resize, OneColourStaysThatColour) {
    const Image image{9, 5, 1, std::vector<uint8_t>(45, 201)};
    for (const auto& [height, width] : {Size{1, 1}, Size{3, 8}, Size{40, 40}})
        EXPECT_EQ(resize(image, height, width).pixels,
                  std::vector<uint8_t>(static_cast<size_t>(height * width), 201));
}

TEST(Resize, HalvingWeighsNeighboursByTheTriangle) {
    // Factor 2: weights 1/8, 3/8, 3/8, 1/8 inside; at the border renormalised 3/7, 3/7, 1/7.
    const Image image{1, 4, 1, {0, 0, 80, 80}};
    EXPECT_EQ(resize(image, 1, 2).pixels, (std::vector<uint8_t>{11, 69}));
}

TEST(Resize, RefusesNothingAndTooMuch) {
    const Image image{1, 1, 1, {7}};
    EXPECT_EQ(error_of([&] { (void)resize(image, 0, 5); }),
              "usage: an image cannot be resized to nothing");
    EXPECT_EQ(error_of([&] { (void)resize(image, 100'000, 1'001); }),
              "limit: the resized image would have more than 100 million pixels");
    EXPECT_EQ(error_of([&] { (void)resize(image, INT64_MAX, INT64_MAX); }),
              "limit: the resized image would have more than 100 million pixels");
}

TEST(CenterCrop, TakesTheMiddleAndRoundsHalfToEven) {
    const Image image{1, 8, 1, {0, 1, 2, 3, 4, 5, 6, 7}};
    EXPECT_EQ(center_crop(image, 1, 8), image);
    EXPECT_EQ(center_crop(image, 1, 4).pixels, (std::vector<uint8_t>{2, 3, 4, 5}));
    // 0.5 becomes 0 and 1.5 becomes 2, as in torchvision.
    EXPECT_EQ(center_crop(image, 1, 7).pixels[0], 0);
    EXPECT_EQ(center_crop(image, 1, 5).pixels[0], 2);
}

TEST(CenterCrop, RefusesToEnlarge) {
    const Image image{2, 3, 1, std::vector<uint8_t>(6)};
    EXPECT_EQ(error_of([&] { (void)center_crop(image, 3, 3); }),
              "input: cannot crop an image of 3 x 2 pixels to 3 x 3");
}

}  // namespace
}  // namespace whence::data
