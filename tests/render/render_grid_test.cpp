#include "whence/render/grid.h"

#include <gtest/gtest.h>

#include "render/cairo_png.h"
#include "render/examples.h"
#include "render/markup.h"
#include "whence/core/error.h"

namespace whence::render {
namespace {

Tensor grey_image(int64_t height, int64_t width) {
    const std::vector<float> values(static_cast<size_t>(3 * height * width), 0.5F);
    return Tensor::of<float>({1, height, width, 3}, values);
}

Explanation scaled(Explanation explanation, float factor) {
    for (float& value : explanation.attribution.values.as<float>()) value *= factor;
    return explanation;
}

// Two images, rows of unequal length, one cell that could not be made.
std::vector<GridRow> example() {
    return {{"cat",
             grey_image(8, 8),
             {{"saliency", test::pixel_example(8, 8), "error 3 %"},
              {"Grad-CAM", scaled(test::layer_example(), 10), ""},
              {"LIME", test::segment_example(8, 8), ""}}},
            {"dog", grey_image(4, 12), {{"saliency", std::nullopt, "no gradient rule for Foo"}}}};
}

TEST(Grid, PngAndSvg) {
    GridOptions options{.title = test::hostile, .notes = {test::hostile}};
    const auto size = test::png_size(grid_figure(example(), options));
    EXPECT_GT(size.width, 4 * 2 * 160);
    options.format = Format::svg;
    const std::string svg = test::as_text(grid_figure(example(), options));
    EXPECT_EQ(test::markup_fault(svg), "");
}

// One scale: the colours end where those of the largest map do, and the bar says so.
TEST(Grid, SharesOneScaleUnlessAskedOtherwise) {
    const std::string shared = grid_html(example());
    EXPECT_NE(shared.find("<span>+20</span>"), std::string::npos);  // 2 in the example, ten times
    EXPECT_EQ(shared.find("colours end at"), std::string::npos);
    const std::string own = grid_html(example(), {.colors = ColorScale::own});
    EXPECT_EQ(own.find("<span>+20</span>"), std::string::npos);
    EXPECT_NE(own.find("error 3 %, colours end at 1<"), std::string::npos);
    EXPECT_NE(own.find("colours end at 20<"), std::string::npos);
    // The weaker map is fainter on the common scale than on its own; the strongest is the same.
    const auto pictures = [](const std::string& page) {
        std::vector<std::string> out;
        for (size_t at = page.find("src=\""); at != std::string::npos;
             at = page.find("src=\"", at + 1))
            out.push_back(page.substr(at, page.find('"', at + 5) - at));
        return out;
    };
    EXPECT_NE(pictures(shared)[1], pictures(own)[1]);
    EXPECT_EQ(pictures(shared)[2], pictures(own)[2]);
}

TEST(Grid, SaysWhyACellIsEmpty) {
    const std::string page =
        grid_html(example(), {.title = test::hostile, .notes = {test::hostile}});
    EXPECT_NE(page.find("no gradient rule for Foo"), std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_EQ(test::markup_fault("<div>" + page.substr(page.find("<div")) + "</div>"), "");
}

TEST(Grid, RefusesWhatIsNoPicture) {
    EXPECT_THROW(static_cast<void>(grid_figure({})), Error);
    std::vector<GridRow> table = example();
    table[0].cells[0].explanation = test::table_example();
    EXPECT_THROW(static_cast<void>(grid_figure(table)), Error);
    std::vector<GridRow> vector = example();
    vector[1].image = Tensor(ElementType::float32, {1, 4});
    EXPECT_THROW(static_cast<void>(grid_html(vector)), Error);
}

TEST(Grid, DegenerateImagesAreDrawn) {
    Explanation zero = test::pixel_example(4, 4);
    zero.attribution.values = Tensor(ElementType::float32, {1, 4, 4, 1});
    const std::vector<GridRow> rows = {{"", grey_image(1, 900), {{"", zero, ""}}},
                                       {"", grey_image(1, 1), {}}};
    for (const ColorScale colors : {ColorScale::shared, ColorScale::own})
        EXPECT_GT(test::png_size(grid_figure(rows, {.colors = colors})).height, 0);
    EXPECT_NE(grid_html(rows).find("nothing to colour"), std::string::npos);
}

}  // namespace
}  // namespace whence::render
