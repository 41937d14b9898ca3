#include <gtest/gtest.h>

#include <cmath>

#include "render/examples.h"
#include "whence/core/error.h"
#include "whence/render/map.h"
#include "whence/render/ranking.h"

namespace whence::render {
namespace {

TEST(Map, SumsChannelsInBothLayouts) {
    Explanation explanation = test::table_example();
    explanation.attribution = {};
    const std::vector<float> values = {1, 2, 3, 4, 5, 6};
    explanation.attribution.values = Tensor::of<float>({1, 3, 1, 2}, values);
    EXPECT_EQ(map_of(explanation).values, (std::vector<double>{9, 12}));
    explanation.attribution.values = Tensor::of<float>({1, 2, 1, 3}, values);
    EXPECT_EQ(map_of(explanation).values, (std::vector<double>{6, 15}));
}

TEST(Map, KindsAreTold) {
    EXPECT_EQ(kind(test::table_example()), Kind::table);
    EXPECT_EQ(kind(test::pixel_example(4, 4)), Kind::pixels);
    EXPECT_EQ(kind(test::segment_example(4, 4)), Kind::segments);
    EXPECT_EQ(kind(Explanation{}), Kind::table);
    EXPECT_THROW(static_cast<void>(map_of(test::table_example())), Error);
}

TEST(Map, OfALayerSumsAnyNumberOfChannels) {
    const Map map = map_of(test::layer_example());
    EXPECT_EQ(map.height, 2);
    EXPECT_EQ(map.width, 3);
    EXPECT_EQ(map.values, (std::vector<double>{-1, 0, 0, 0, 0, 2}));
    EXPECT_EQ(map.layer, "block/relu");
    // Without a layer two channels are no picture, and one cell is no map.
    Explanation input = test::layer_example();
    input.attribution.values = Tensor(ElementType::float32, {1, 2, 3, 2});
    EXPECT_EQ(kind(input), Kind::pixels);
    input.attribution.layer.clear();
    EXPECT_EQ(kind(input), Kind::table);
    Explanation pooled = test::layer_example();
    pooled.attribution.values = Tensor(ElementType::float32, {1, 12, 1, 1});
    EXPECT_EQ(kind(pooled), Kind::table);
}

TEST(Ranking, NamesTheCellsOfALayer) {
    const Ranking ranking = rank(test::layer_example(), 2);
    EXPECT_EQ(ranking.top[0].name, "row 2 of 2, column 3 of 3");
    EXPECT_EQ(ranking.top[0].value, 2);
    EXPECT_EQ(ranking.top[1].name, "row 1 of 2, column 1 of 3");
    EXPECT_EQ(ranking.rest, 4);
}

// Tokens by features are no picture, and have a place of two numbers.
TEST(Ranking, NamesTheFeaturesOfALayerByTheirPlace) {
    Explanation tokens = test::layer_example();
    tokens.attribution.values = Tensor::of<float>({1, 3, 2}, std::vector<float>{0, 1, -3, 0, 0, 2});
    EXPECT_EQ(kind(tokens), Kind::table);
    const Ranking ranking = rank(tokens, 2);
    EXPECT_EQ(ranking.top[0].name, "feature [1, 0]");
    EXPECT_EQ(ranking.top[1].name, "feature [2, 1]");
}

TEST(Map, UnknownLabelsAreNoNumber) {
    Explanation explanation = test::segment_example(1, 4);
    explanation.attribution.segments =
        Tensor::of<int32_t>({1, 4}, std::vector<int32_t>{0, 1, 2, -1});
    const Map map = map_of(explanation);
    EXPECT_EQ(map.values[1], 0.4);
    EXPECT_TRUE(std::isnan(map.values[2]) && std::isnan(map.values[3]));
    EXPECT_EQ(color_limit(map), 0.4);
}

TEST(Map, ColorLimitIsANearestRankPercentile) {
    Map map{1, 100, {}, {}};
    for (int i = 1; i <= 100; ++i) map.values.push_back(i % 2 ? i : -i);
    EXPECT_EQ(color_limit(map, 99), 99);
    EXPECT_EQ(color_limit(map, 100), 100);
    EXPECT_EQ(color_limit(map, 50), 50);
}

// One hot pixel among zeros: the percentile is zero, the colours must not be.
TEST(Map, ColorLimitFallsBackToTheLargest) {
    Map map{1, 1000, std::vector<double>(1000), {}};
    EXPECT_EQ(color_limit(map), 0);
    map.values[3] = -2;
    EXPECT_EQ(color_limit(map), 2);
    EXPECT_EQ(half_mass(map), 0.001);
}

TEST(Ranking, SortsByMagnitudeAndSumsTheRest) {
    const Ranking ranking = rank(test::table_example(), 2);
    ASSERT_EQ(ranking.top.size(), 2U);
    EXPECT_EQ(ranking.top[0].name, "radius");
    EXPECT_EQ(ranking.top[1].name, "area");
    EXPECT_EQ(ranking.rest, 2);
    EXPECT_NEAR(ranking.rest_sum, -0.15, 1e-15);  // one rounding of 0.05 - 0.2
}

TEST(Ranking, WhatIsNoNumberComesLast) {
    Explanation explanation = test::table_example();
    explanation.attribution.values =
        Tensor::of<double>({4}, std::vector<double>{NAN, 1, INFINITY, -2});
    const Ranking ranking = rank(explanation, 4);
    EXPECT_EQ(ranking.top[0].index, 3);
    EXPECT_EQ(ranking.top[1].index, 1);
    EXPECT_EQ(ranking.not_numbers, 2);
    EXPECT_EQ(ranking.largest, 2);
}

TEST(Ranking, LabelsSayTheNameOnce) {
    EXPECT_EQ(label_of({.name = "age", .display = "37"}), "age = 37");
    EXPECT_EQ(label_of({.name = "age", .display = "age <= 37"}), "age <= 37");
    EXPECT_EQ(label_of({.name = "age"}), "age");
}

}  // namespace
}  // namespace whence::render
