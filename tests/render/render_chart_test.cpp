#include <gtest/gtest.h>

#include "render/cairo_png.h"
#include "render/examples.h"
#include "render/markup.h"
#include "whence/render/chart.h"

namespace whence::render {
namespace {

TEST(Chart, PngHasTheAskedWidth) {
    const test::Size size =
        test::png_size(weight_chart(test::table_example(), {.width = 500, .scale = 2}));
    EXPECT_EQ(size.width, 1000);
    EXPECT_GT(size.height, 300);
}

TEST(Chart, SvgNestsAndSaysWhatItIs) {
    const std::string svg =
        test::as_text(weight_chart(test::table_example(), {.format = Format::svg}));
    EXPECT_EQ(test::markup_fault(svg), "");
    EXPECT_NE(svg.find("<title>KernelSHAP: malignant</title>"), std::string::npos);
    EXPECT_NE(svg.find("<desc>The model gives malignant"), std::string::npos);
}

// Cairo numbers its ids by a counter of the process: two calls would differ.
TEST(Chart, SameBytesTwice) {
    for (const Format format : {Format::png, Format::svg}) {
        const ChartOptions options{.format = format};
        EXPECT_EQ(weight_chart(test::table_example(), options),
                  weight_chart(test::table_example(), options));
        EXPECT_EQ(weight_table(test::table_example(), {{"a", 0.7}}, options),
                  weight_table(test::table_example(), {{"a", 0.7}}, options));
    }
}

TEST(Chart, DegenerateExplanationsAreDrawn) {
    for (const test::Degenerate& example : test::degenerate_tables()) {
        EXPECT_GT(test::png_size(weight_chart(example.explanation)).height, 0) << example.name;
        const std::vector<ClassScore> scores = {
            {test::hostile, 2}, {"", NAN}, {std::string(999, 'w'), -1}};
        const ChartOptions svg{.format = Format::svg};
        EXPECT_EQ(test::markup_fault(test::as_text(weight_chart(example.explanation, svg))), "")
            << example.name;
        EXPECT_EQ(test::markup_fault(test::as_text(weight_table(example.explanation, scores, svg))),
                  "")
            << example.name;
    }
}

TEST(Chart, HostileNamesStayText) {
    for (const test::Degenerate& example : test::degenerate_tables()) {
        const std::string svg =
            test::as_text(weight_chart(example.explanation, {.format = Format::svg}));
        EXPECT_EQ(svg.find("<script"), std::string::npos) << example.name;
    }
}

// The negative control of the check that the others rely on.
TEST(Markup, FaultsAreFound) {
    EXPECT_NE(test::markup_fault("<a><b></a></b>"), "");
    EXPECT_NE(test::markup_fault("<a>"), "");
    EXPECT_NE(test::markup_fault("<a title=\"<b>\"></a>"), "");
    EXPECT_EQ(test::markup_fault("<a title=\"b>\"><br>x<c/></a>"), "");
}

}  // namespace
}  // namespace whence::render
