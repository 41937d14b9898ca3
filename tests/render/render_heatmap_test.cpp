#include <gtest/gtest.h>

#include "render/cairo_png.h"
#include "render/examples.h"
#include "render/markup.h"
#include "whence/core/error.h"
#include "whence/render/heat.h"
#include "whence/render/heatmap.h"

namespace whence::render {
namespace {

Tensor grey_image(int64_t height, int64_t width) {
    const std::vector<float> values(static_cast<size_t>(3 * height * width), 0.5F);
    return Tensor::of<float>({1, height, width, 3}, values);
}

TEST(HeatMap, ColoursFollowTheSign) {
    const Picture map = heat_map(test::pixel_example(3, 5), 100);
    EXPECT_EQ(map.width, 5);
    EXPECT_EQ(map.at(0, 0), diverging(-1));
    EXPECT_EQ(map.at(2, 4), diverging(1));
    EXPECT_EQ(map.at(1, 2), diverging(0));
}

TEST(HeatMap, OverlayLeavesWhatDoesNotMatterGrey) {
    const Picture over =
        overlay(test::pixel_example(5, 5), grey_image(5, 5), Blend::magnitude, 100);
    const Rgb middle = over.at(1, 2), right = over.at(1, 4), left = over.at(1, 0);
    EXPECT_TRUE(middle.red == middle.green && middle.green == middle.blue);
    EXPECT_GT(right.red, right.blue);
    EXPECT_GT(left.blue, left.red);
}

TEST(HeatMap, LowResolutionMapsAreEnlargedInBlocks) {
    const Picture over = overlay(test::pixel_example(2, 2), grey_image(8, 8), Blend::half, 100);
    EXPECT_EQ(over.height, 8);
    EXPECT_EQ(over.at(0, 0), over.at(3, 3));
    EXPECT_NE(over.at(0, 0), over.at(0, 4));
}

TEST(HeatMap, SegmentsHaveBoundaries) {
    const Picture over = overlay(test::segment_example(6, 8), grey_image(6, 8));
    EXPECT_NE(over.at(1, 3), over.at(1, 2));  // the last column of the left segment is the line
    EXPECT_EQ(over.at(1, 5), over.at(1, 6));
    EXPECT_EQ(over.at(1, 0), over.at(1, 2));
}

TEST(HeatMap, NotesTellOfFewPixels) {
    const Map map = map_of(test::pixel_example(32, 32));
    const auto notes = pixel_notes(map, color_limit(map, 90), 90, 32, 32);
    std::string all;
    for (const std::string& note : notes) all += note + "\n";
    EXPECT_NE(all.find("The model sees 32 x 32 pixels"), std::string::npos) << all;
    EXPECT_NE(all.find("90th percentile"), std::string::npos) << all;
}

// Centres of the map's cells keep their values, and between them colours change step by step.
TEST(HeatMap, LayersAreEnlargedSmoothlyAndSaySo) {
    const Map map = map_of(test::layer_example());
    const Picture large = paint(map, 2, 10, 15, Boundaries::shown);
    EXPECT_EQ(large.at(2, 2), diverging(-0.5));
    EXPECT_EQ(large.at(7, 12), diverging(1));
    EXPECT_EQ(large.at(7, 9), diverging(2 * 0.4 / 2));  // 2/5 of the way from 0 to 2
    std::string all;
    for (const std::string& note : pixel_notes(map, 2, 100, 10, 15)) all += note + "\n";
    EXPECT_NE(all.find("Map of block/relu, 3 x 2, enlarged smoothly."), std::string::npos) << all;
    EXPECT_EQ(all.find("without smoothing"), std::string::npos) << all;
    EXPECT_NE(all.find("% of the cells"), std::string::npos) << all;
    const Picture over = overlay(test::layer_example(), grey_image(20, 30));
    EXPECT_EQ(over.height, 20);
    EXPECT_NE(over.at(15, 20), over.at(15, 22));
    EXPECT_EQ(heat_map(test::layer_example()).width, 3);
}

TEST(Figure, PngAndSvgOfEveryKind) {
    const Tensor image = grey_image(8, 8), photograph = grey_image(30, 50);
    for (const Explanation& explanation : {test::pixel_example(8, 8), test::segment_example(8, 8),
                                           test::pixel_example(2, 2), test::layer_example()}) {
        FigureOptions options{.original = &photograph, .note = test::hostile};
        EXPECT_GT(test::png_size(image_figure(explanation, image, options)).width, 1000);
        options.format = Format::svg;
        const std::string svg = test::as_text(image_figure(explanation, image, options));
        EXPECT_EQ(test::markup_fault(svg), "");
        EXPECT_EQ(svg, test::as_text(image_figure(explanation, image, options)));
    }
}

TEST(Figure, DegenerateImagesAreDrawn) {
    Explanation zero = test::pixel_example(4, 4);
    zero.attribution.values = Tensor(ElementType::float32, {1, 4, 4, 1});
    Explanation nan = zero;
    nan.attribution.values.as<float>()[3] = NAN;
    Explanation segment = test::segment_example(4, 4);
    segment.attribution.values = Tensor(ElementType::float64, {0});
    for (const Explanation& explanation : {zero, nan, segment, test::pixel_example(1, 1)})
        EXPECT_GT(test::png_size(image_figure(explanation, grey_image(4, 4))).height, 0);
    EXPECT_GT(test::png_size(image_figure(test::pixel_example(1, 900), grey_image(1, 900))).height,
              0);
    EXPECT_GT(test::png_size(image_figure(test::pixel_example(900, 1), grey_image(900, 1))).height,
              0);
}

TEST(Figure, TablesAreRefused) {
    EXPECT_THROW(static_cast<void>(image_figure(test::table_example(), grey_image(4, 4))), Error);
    EXPECT_THROW(static_cast<void>(
                     image_figure(test::pixel_example(4, 4), Tensor(ElementType::float32, {1, 4}))),
                 Error);
}

}  // namespace
}  // namespace whence::render
