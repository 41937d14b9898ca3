#include "whence/render/panels.h"

#include <gtest/gtest.h>

#include <cmath>

#include "render/cairo_png.h"
#include "render/markup.h"
#include "whence/core/error.h"

namespace whence::render {
namespace {

const MatrixPanel square{.title = "one & <two>", .names = {"a", "b"}, .values = {1, -0.52, NAN, 1}};
const PointPanel cloud{.title = "cloud",
                       .x_title = "x",
                       .y_title = "y",
                       .series = {{"first", {0, 1, NAN}, {2, 3, 4}}, {"second", {}, {}}}};

TEST(Panels, HaveTheirNumbersAndAreDrawnTwiceTheSame) {
    const PanelOptions svg{.format = Format::svg, .title = "title", .notes = {"a note"}};
    const std::string text = test::as_text(matrix_panels({square, square}, svg));
    EXPECT_EQ(test::markup_fault(text), "");
    EXPECT_EQ(test::as_text(matrix_panels({square, square}, svg)), text);
    EXPECT_NE(matrix_panels({square}, svg), matrix_panels({square, square}, svg));
    MatrixPanel other = square;
    other.values[1] = 0.52;
    EXPECT_NE(matrix_panels({other}), matrix_panels({square}));
}

TEST(Panels, StandInAsManyColumnsAsAsked) {
    const auto width = [](int64_t columns) {
        return test::png_size(
                   matrix_panels(std::vector(4, square), {.columns = columns, .scale = 1}))
            .width;
    };
    EXPECT_GT(width(2), width(1));
    EXPECT_GT(width(4), width(2));
    EXPECT_EQ(width(12), width(4));
}

TEST(Panels, OfPointsLeaveOutWhatIsNotFinite) {
    PointPanel without = cloud;
    without.series[0].x.pop_back();
    without.series[0].y.pop_back();
    EXPECT_EQ(point_panels({cloud}), point_panels({without}));
    PointPanel moved = cloud;
    moved.series[0].y[0] = 2.5;
    EXPECT_NE(point_panels({cloud}), point_panels({moved}));
    EXPECT_FALSE(point_panels({PointPanel{}}).empty());
}

TEST(Panels, ThatDoNotFitAreRefused) {
    EXPECT_THROW((void)matrix_panels({}), Error);
    EXPECT_THROW((void)point_panels({}), Error);
    MatrixPanel short_one = square;
    short_one.values.pop_back();
    EXPECT_THROW((void)matrix_panels({short_one}), Error);
    PointPanel uneven = cloud;
    uneven.series[0].x.push_back(1);
    EXPECT_THROW((void)point_panels({uneven}), Error);
}

}  // namespace
}  // namespace whence::render
