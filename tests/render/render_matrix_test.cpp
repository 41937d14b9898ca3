#include "whence/render/matrix.h"

#include <gtest/gtest.h>

#include "render/cairo_png.h"
#include "render/examples.h"
#include "render/markup.h"
#include "whence/core/error.h"
#include "whence/render/palette.h"
#include "whence/render/ranking.h"
#include "whence/render/text.h"

namespace whence::render {
namespace {

// Radius and texture do most together (2 * -0.3), area takes no part at all.
Explanation pairs_example() {
    Explanation e = test::table_example();
    e.interactions = Interactions{
        .values = Tensor::of<double>({4, 4}, std::vector<double>{0.8,  -0.3, 0, 0,     //
                                                                 -0.3, 0.05, 0, 0.05,  //
                                                                 0,    0,    0, 0,     //
                                                                 0,    0.05, 0, 0}),
        .standard_errors = std::vector<double>(16, 0.01)};
    return e;
}

TEST(Pairs, AreRankedByBothHalvesTogether) {
    const Ranking pairs = rank_pairs(pairs_example(), 2);
    ASSERT_EQ(pairs.top.size(), 2U);
    EXPECT_EQ(pairs.top[0].name, "radius \u00d7 texture");
    EXPECT_DOUBLE_EQ(pairs.top[0].value, -0.6);
    EXPECT_DOUBLE_EQ(*pairs.top[0].standard_error, 0.02);
    EXPECT_EQ(pairs.top[1].name, "texture \u00d7 symmetry");
    EXPECT_EQ(pairs.rest, 4);
    EXPECT_TRUE(rank_pairs(test::table_example(), 2).top.empty());
}

TEST(Pairs, StandInTheText) {
    const std::string text = to_text(pairs_example());
    EXPECT_NE(text.find("pairs: what two features do only together"), std::string::npos) << text;
    EXPECT_NE(text.find("radius \u00d7 texture"), std::string::npos);
    EXPECT_EQ(to_text(test::table_example()).find("pairs:"), std::string::npos);
}

TEST(Matrix, LeavesOutFeaturesOfLesserPart) {
    const std::string svg = test::as_text(
        interaction_matrix(pairs_example(), {.format = Format::svg, .top = 3}));
    EXPECT_EQ(test::markup_fault(svg), "");
    const std::string all = test::as_text(interaction_matrix(pairs_example(), {.format = Format::svg}));
    EXPECT_NE(svg, all);  // the fourth feature is left out
    EXPECT_EQ(test::as_text(interaction_matrix(pairs_example(), {.format = Format::svg})), all);
}

TEST(Matrix, DegenerateExplanationsAreDrawn) {
    for (const test::Degenerate& example : test::degenerate_tables()) {
        Explanation e = example.explanation;
        if (e.attribution.values.size() > 100) continue;
        const int64_t n = e.attribution.values.size();
        std::vector<double> values(n * n, NAN);
        for (int64_t i = 0; i < n; ++i) values[i * n] = static_cast<double>(i);
        e.interactions = Interactions{.values = Tensor::of<double>({n, n}, values)};
        EXPECT_GT(test::png_size(interaction_matrix(e)).height, 0) << example.name;
        EXPECT_EQ(test::markup_fault(
                      test::as_text(interaction_matrix(e, {.format = Format::svg}))),
                  "")
            << example.name;
        EXPECT_FALSE(to_text(e).empty());
    }
}

TEST(Matrix, RefusesWhatHasNoPairs) {
    EXPECT_THROW((void)interaction_matrix(test::table_example()), Error);
}

}  // namespace
}  // namespace whence::render
