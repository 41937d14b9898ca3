#include <gtest/gtest.h>

#include <cmath>

#include "whence/core/error.h"
#include "whence/render/picture.h"

namespace whence::render {
namespace {

// Rounding to 8 bits moves lightness by less than this.
constexpr double eight_bits = 0.35;

TEST(Palette, LabRoundTrip) {
    for (const Rgb color : {Rgb{0, 0, 0}, Rgb{255, 255, 255}, Rgb{200, 30, 60}, Rgb{10, 90, 250}})
        EXPECT_EQ(to_rgb(to_lab(color)), color);
}

TEST(Palette, DivergingIsSymmetricAndMonotoneInLightness) {
    double before = 200;
    for (int i = 0; i <= 20; ++i) {
        const double value = i / 20.0;
        const double plus = to_lab(diverging(value)).lightness;
        EXPECT_NEAR(plus, to_lab(diverging(-value)).lightness, 2 * eight_bits) << value;
        EXPECT_LT(plus, before) << value;
        before = plus;
    }
}

// Lightness alone falls evenly: that the colours stay inside sRGB is part of it.
TEST(Palette, LightnessFallsEvenly) {
    for (int i = -20; i <= 20; ++i)
        EXPECT_NEAR(to_lab(diverging(i / 20.0)).lightness, 97 - 55 * std::abs(i / 20.0),
                    3 * eight_bits)
            << i;
}

TEST(Palette, SidesDifferInBlueYellow) {
    // What red-green blind eyes still see is the b axis.
    EXPECT_GT(to_lab(diverging(0.5)).b - to_lab(diverging(-0.5)).b, 50);
    EXPECT_GT(to_lab(positive).b - to_lab(negative).b, 50);
}

TEST(Palette, ClampsAndMarksNaN) {
    EXPECT_EQ(diverging(7), diverging(1));
    EXPECT_EQ(diverging(-7), diverging(-1));
    EXPECT_EQ(diverging(NAN), not_a_number);
    EXPECT_EQ(sequential(-1), sequential(0));
}

TEST(Picture, ReadsEveryLayout) {
    const std::vector<float> channels_last = {1, 0, 0, 0, 1, 0},
                             channels_first = {1, 0, 0, 1, 0, 0};
    const Picture expected = to_picture(Tensor::of<float>({1, 2, 1, 3}, channels_last));
    EXPECT_EQ(expected.at(0, 0), (Rgb{255, 0, 0}));
    EXPECT_EQ(expected.at(1, 0), (Rgb{0, 255, 0}));
    const Picture first = to_picture(Tensor::of<float>({1, 3, 1, 2}, channels_first));
    EXPECT_EQ(first.at(0, 0), (Rgb{255, 0, 0}));
    EXPECT_EQ(first.at(0, 1), (Rgb{0, 255, 0}));
    const std::vector<float> grey = {0.5F, NAN}, clear(8, 0);
    EXPECT_EQ(to_picture(Tensor::of<float>({1, 2, 1, 1}, grey)).at(0, 0), (Rgb{128, 128, 128}));
    EXPECT_EQ(to_picture(Tensor::of<float>({1, 2, 1, 4}, clear)).at(0, 0), (Rgb{255, 255, 255}));
}

TEST(Picture, RefusesWhatIsNone) {
    EXPECT_THROW(static_cast<void>(to_picture(Tensor(ElementType::float32, {1, 30}))), Error);
    EXPECT_THROW(static_cast<void>(to_picture(Tensor(ElementType::float32, {2, 4, 4, 3}))), Error);
    EXPECT_THROW(static_cast<void>(to_png(Picture())), Error);
}

TEST(Picture, EnlargesInBlocks) {
    Picture two(1, 2);
    two.set(0, 0, {1, 2, 3});
    const Picture large = enlarged(two, 3);
    EXPECT_EQ(large.height, 3);
    EXPECT_EQ(large.at(2, 2), (Rgb{1, 2, 3}));
    EXPECT_EQ(large.at(2, 3), (Rgb{255, 255, 255}));
}

}  // namespace
}  // namespace whence::render
