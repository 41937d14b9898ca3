#include "whence/gradients/xrai.h"

#include <gtest/gtest.h>

#include "gradients/net_model.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/regions.h"

namespace whence {
namespace {

using namespace fakes;
using namespace gradients;

TEST(RankRegions, TakesTheLargestMeanOfNewPixels) {
    // Region 1 has the largest mean; then 0 keeps only its first pixel, and 2 two of three.
    const RankedRegions ranked =
        rank_regions({1, 9, 8, 2, 3, -1}, {{0, 1}, {1, 2}, {2, 3, 4}}, 1, plain_run);
    EXPECT_EQ(ranked.gains, (Vector{8.5, 2.5, 1, -1}));
    EXPECT_EQ(ranked.labels, (std::vector<int32_t>{2, 0, 0, 1, 1, 3}));
}

TEST(RankRegions, DropsRegionsThatAddTooLittle) {
    const RankedRegions ranked =
        rank_regions({1, 9, 8, 2, 3, -1}, {{0, 1}, {1, 2}, {2, 3, 4}}, 2, plain_run);
    EXPECT_EQ(ranked.gains, (Vector{8.5, 2.5, 0}));
    EXPECT_EQ(ranked.labels, (std::vector<int32_t>{2, 0, 0, 1, 1, 2}));
}

TEST(RankRegions, WithoutRegionsAllPixelsAreLeftOver) {
    EXPECT_EQ(rank_regions({1, 2, 6}, {}, 1, plain_run).gains, Vector{3});
    EXPECT_TRUE(rank_regions({}, {}, 1, plain_run).gains.empty());
}

// The slow twin: every mean from scratch in every round.
RankedRegions twin_ranking(const Vector& pixels, const std::vector<Region>& regions,
                           int64_t least) {
    RankedRegions out{.labels = std::vector<int32_t>(pixels.size(), -1)};
    const auto fresh = [&](const Region& region) {
        Region left;
        for (const int32_t p : region)
            if (out.labels[p] < 0) left.push_back(p);
        return left;
    };
    const auto mean = [&](const Region& region) {
        double total = 0;
        for (const int32_t p : region) total += pixels[p];
        return total / static_cast<double>(region.size());
    };
    const auto take = [&](const Region& region) {
        const double gain = mean(region);
        for (const int32_t p : region) out.labels[p] = static_cast<int32_t>(out.gains.size());
        out.gains.push_back(gain);
    };
    while (true) {
        const Region* best = nullptr;
        for (const Region& region : regions)
            if (std::ssize(fresh(region)) >= std::max<int64_t>(1, least) &&
                (!best || mean(fresh(region)) > mean(fresh(*best))))
                best = &region;
        if (!best) break;
        take(fresh(*best));
    }
    Region rest(pixels.size());
    for (size_t p = 0; p < rest.size(); ++p) rest[p] = static_cast<int32_t>(p);
    if (const Region left = fresh(rest); !left.empty()) take(left);
    return out;
}

TEST(RankRegions, IsItsSlowTwin) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Rng rng(seed, 9, 0);
        const Vector pixels = random_input(60, seed);
        std::vector<Region> regions(12);
        for (Region& region : regions)
            for (int32_t p = 0; p < 50; ++p)  // the last ten belong to none
                if (rng.uniform() < 0.25) region.push_back(p);
        const int64_t least = 1 + static_cast<int64_t>(seed % 5);
        const RankedRegions fast = rank_regions(pixels, regions, least, plain_run),
                            slow = twin_ranking(pixels, regions, least);
        EXPECT_EQ(fast.labels, slow.labels) << seed;
        EXPECT_LE(largest_difference(fast.gains, slow.gains), 1e-12) << seed;
    }
}

TEST(DilatedRegions, AddADisk) {
    // One pixel of label 1 in the middle of five by five.
    std::vector<int32_t> labels(25, 0);
    labels[12] = 1;
    const auto size = [&](int64_t radius) {
        return dilated_regions(labels, 5, 5, radius).at(1).size();
    };
    EXPECT_EQ(size(0), 1U);
    EXPECT_EQ(size(1), 5U);
    EXPECT_EQ(size(2), 13U);
    EXPECT_EQ(dilated_regions(labels, 5, 5, 1).at(1), (Region{7, 11, 12, 13, 17}));
    EXPECT_EQ(dilated_regions(labels, 5, 5, 1).at(0).size(), 25U);
    EXPECT_EQ(dilated_regions(labels, 5, 5, 0).at(0).size(), 24U);
}

// A bright and a dark square; the model looks at the bright one alone.
struct Squares {
    static constexpr int64_t side = 16;
    Vector pixels = Vector(side * side, 0.5);
    Squares() {
        for (int64_t y = 2; y < 7; ++y)
            for (int64_t x = 2; x < 7; ++x) {
                pixels[y * side + x] = 1;
                pixels[(y + 7) * side + x + 7] = 0;
            }
    }
    static FunctionModel model() {
        const auto bright = [](size_t p) {
            return p / side >= 2 && p / side < 7 && p % side >= 2 && p % side < 7;
        };
        return FunctionModel(
            side * side, 1,
            [=](const Vector& x) {
                double total = 0;
                for (size_t p = 0; p < x.size(); ++p) total += bright(p) ? x[p] * x[p] : 0;
                return Vector{total};
            },
            [=](const Vector& x, int64_t) {
                Vector g(x.size(), 0.0);
                for (size_t p = 0; p < x.size(); ++p) g[p] = bright(p) ? 2 * x[p] : 0;
                return g;
            });
    }
};

TEST(Xrai, RanksTheRegionTheModelLooksAtFirst) {
    const Squares squares;
    const FunctionModel model = Squares::model();
    for (const Shape& shape : {Shape{1, 1, 16, 16}, Shape{1, 16, 16, 1}}) {
        const Explanation e =
            Xrai(model, {.steps = 20, .min_size = 300, .radius = 0})
                .explain(Batch(Tensor::of<double>(shape, squares.pixels)), {}, plain_run);
        ASSERT_TRUE(e.attribution.segments.has_value());
        const auto labels = e.attribution.segments->as<int32_t>();
        const auto gain = [&](int64_t y, int64_t x) { return values_of(e)[labels[y * 16 + x]]; };
        const auto bright = [](int64_t k) { return k >= 2 && k < 7; };
        for (int64_t p = 0; p < 256; ++p)
            EXPECT_TRUE(labels[p] != 0 || (bright(p / 16) && bright(p % 16))) << p;
        // From black (0) x^2 gives 1, from white 0: the mean of both is a half.
        EXPECT_NEAR(values_of(e)[0], 0.5, 1e-9);
        EXPECT_NEAR(gain(4, 4), 0.5, 1e-9);
        EXPECT_NEAR(gain(11, 11), 0, 1e-9);
        EXPECT_TRUE(std::ranges::is_sorted(values_of(e), std::greater{}));
        EXPECT_EQ(std::ssize(values_of(e)), *std::ranges::max_element(labels) + 1);
        EXPECT_FALSE(e.diagnostics.attribution_error.has_value());
        EXPECT_EQ(e.provenance.gradient_evaluations, 40);
        EXPECT_EQ(e.target.baseline, "value:0 and value:1");
    }
}

TEST(Xrai, NeedsAnImageAndSensibleOptions) {
    const FunctionModel model = Net::random({6, 2}, Net::Kind::relu, 3).model();
    EXPECT_NE(
        message_of(ErrorKind::usage,
                   [&] { (void)Xrai(model).explain(batch_of(random_input(6, 1)), {}, plain_run); })
            .find("xrai explains images"),
        std::string::npos);
    for (const XraiOptions& options : {XraiOptions{.steps = 0}, XraiOptions{.min_size = 0},
                                       XraiOptions{.radius = 51}, XraiOptions{.least = 0}})
        EXPECT_NE(message_of(ErrorKind::usage, [&] { Xrai(model, options); }).find(" from "),
                  std::string::npos);
}

}  // namespace
}  // namespace whence
