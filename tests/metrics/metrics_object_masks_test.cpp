// Masks of objects that nobody marked.

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/support.h"
#include "whence/metrics/localisation.h"
#include "whence/metrics/object_masks.h"

namespace whence::metrics {
namespace {

using testing::expect_within;

TEST(ObjectMasks, ForegroundOfEitherLayout) {
    EXPECT_EQ(foreground_mask(Tensor::of<double>({2, 2}, {0.05, 1, 0, 0.3})),
              (std::vector<uint8_t>{0, 1, 0, 1}));
    EXPECT_EQ(foreground_mask(Tensor::of<double>({1, 2, 2}, {0.05, 1, 0, 0.3}), 0.5),
              (std::vector<uint8_t>{0, 1, 0, 0}));
    EXPECT_EQ(foreground_mask(Tensor::of<double>({1, 2, 2, 1}, {0.05, 1, 0, 0.3}), 0),
              (std::vector<uint8_t>{1, 1, 0, 1}));
    EXPECT_EQ(foreground_mask(Tensor::of<float>(
                  {1, 3, 2, 2}, std::vector<float>{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.3F})),
              (std::vector<uint8_t>{0, 1, 0, 1}));
    EXPECT_EQ(foreground_mask(Tensor(ElementType::float32, {4, 4})), std::vector<uint8_t>(16, 0));
}

TEST(ObjectMasks, ForegroundRefusals) {
    const Tensor picture(ElementType::float32, {4, 4});
    const auto refuse = [](ErrorKind kind, const Tensor& of, double threshold) {
        return testing::error_of(kind, [&] { return foreground_mask(of, threshold).size(); });
    };
    expect_within(refuse(ErrorKind::usage, picture, 1), "[0, 1)");
    expect_within(refuse(ErrorKind::input, Tensor(ElementType::float32, {2, 4, 4, 1}), 0),
                  "one picture");
    expect_within(refuse(ErrorKind::input, Tensor::of<double>({1, 2}, {-1, 1}), 0), "from 0 up");
    expect_within(refuse(ErrorKind::input, Tensor::of<double>({1, 2}, {std::nan(""), 1}), 0),
                  "from 0 up");
}

// Pictures of one number each: that of the picture.
Tensor numbered(int64_t count, Shape picture) {
    picture.insert(picture.begin(), count);
    Tensor all(ElementType::float32, picture);
    for (int64_t i = 0; i < all.size(); ++i)
        all.as<float>()[i] = static_cast<float>(i / all.row_size());
    return all;
}

TEST(ObjectMasks, MosaicsAreOfFourClasses) {
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < 30; ++i) labels.push_back(i % 6);
    for (const Shape& shape : {Shape{4, 6, 3}, Shape{3, 4, 6}}) {
        const bool channels_last = shape[2] == 3;
        const std::vector<Mosaic> all = mosaics(numbered(30, shape), labels, 20, 7);
        ASSERT_EQ(all.size(), 20U);
        std::set<int64_t> seen;
        for (const Mosaic& m : all) {
            EXPECT_EQ(std::set<int64_t>(m.classes.begin(), m.classes.end()).size(), 4U);
            std::vector<int> covered(24);
            for (int64_t tile = 0; tile < 4; ++tile) {
                EXPECT_EQ(labels[m.pictures[tile]], m.classes[tile]);
                seen.insert(m.pictures[tile]);
                const std::vector<uint8_t> mask = m.mask(tile);
                std::vector<double> map;
                for (int64_t p = 0; p < 24; ++p) {
                    covered[p] += mask[p];
                    const float v = m.picture.as<float>()[channels_last ? p * 3 + 1 : 24 + p];
                    EXPECT_EQ(v == static_cast<float>(m.pictures[tile]), mask[p] == 1);
                    map.push_back(v == static_cast<float>(m.pictures[tile]) ? 1.0 : 0.0);
                }
                // A map of the tile scores 1, a map of another tile 0.
                EXPECT_EQ(relevance_mass(map, mask), 1);
                EXPECT_EQ(relevance_mass(map, m.mask((tile + 1) % 4)), 0);
            }
            EXPECT_EQ(covered, std::vector<int>(24, 1));
        }
        EXPECT_GT(seen.size(), 20U);
    }
}

TEST(ObjectMasks, TilesAreMeansOfFourPixels) {
    Tensor pictures(ElementType::float64, {4, 2, 2, 1});
    for (int64_t i = 0; i < 16; ++i) pictures.as<double>()[i] = static_cast<double>(i);
    const std::vector<int64_t> labels = {0, 1, 2, 3};
    const Mosaic m = mosaics(pictures, labels, 1, 0)[0];
    for (int64_t tile = 0; tile < 4; ++tile)
        EXPECT_EQ(m.picture.as<double>()[tile], 4 * static_cast<double>(m.pictures[tile]) + 1.5);
}

TEST(ObjectMasks, MosaicsAreReproducible) {
    const std::vector<int64_t> labels = {0, 1, 2, 3, 0, 1, 2, 3};
    const Tensor pictures = numbered(8, {2, 2, 1});
    const std::vector<Mosaic> five = mosaics(pictures, labels, 5, 1);
    EXPECT_EQ(mosaics(pictures, labels, 2, 1)[1].pictures, five[1].pictures);
    EXPECT_FALSE(mosaics(pictures, labels, 5, 2)[0].pictures == five[0].pictures &&
                 mosaics(pictures, labels, 5, 2)[1].pictures == five[1].pictures);
}

TEST(ObjectMasks, MosaicRefusals) {
    const std::vector<int64_t> labels = {0, 1, 2, 3}, three = {0, 1, 2, 2};
    const auto refuse = [](ErrorKind kind, const Tensor& of, const std::vector<int64_t>& with,
                           int64_t count) {
        return testing::error_of(kind, [&] { return mosaics(of, with, count, 0).size(); });
    };
    expect_within(refuse(ErrorKind::input, numbered(4, {2, 2, 1}), three, 1), "have 3");
    expect_within(refuse(ErrorKind::input, numbered(4, {3, 2, 1}), labels, 1), "halved");
    expect_within(refuse(ErrorKind::input, numbered(5, {2, 2, 1}), labels, 1), "4 labels");
    expect_within(refuse(ErrorKind::usage, numbered(4, {2, 2, 1}), labels, 0), "1 or more");
}

}  // namespace
}  // namespace whence::metrics
