#include "whence/core/bilinear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "whence/core/rng.h"

namespace whence {
namespace {

using Numbers = std::vector<double>;

TEST(Bilinear, KeepsCentresAndRepeatsEdges) {
    EXPECT_EQ(bilinear(Numbers{0, 1}, 1, 2, 1, 4), (Numbers{0, 0.25, 0.75, 1}));
    EXPECT_EQ(bilinear(Numbers{0, 4, 8}, 3, 1, 1, 1), (Numbers{4}));
    EXPECT_EQ(bilinear(Numbers{7}, 1, 1, 2, 3), Numbers(6, 7.0));
}

// The definition: at the place of each new centre a tent of one cell's width over the old ones.
TEST(Bilinear, IsASumOfTents) {
    const int64_t h = 4, w = 3;
    Numbers map(h * w);
    Rng rng(1, 2, 3);
    for (double& value : map) value = rng.normal();
    for (const auto& [to_h, to_w] : {std::pair<int64_t, int64_t>{7, 5}, {3, 11}, {4, 3}}) {
        const Numbers got = bilinear(map, h, w, to_h, to_w);
        for (int64_t i = 0; i < to_h; ++i)
            for (int64_t j = 0; j < to_w; ++j) {
                const double y = std::clamp((i + 0.5) * h / to_h - 0.5, 0.0, h - 1.0),
                             x = std::clamp((j + 0.5) * w / to_w - 0.5, 0.0, w - 1.0);
                double wanted = 0;
                for (int64_t r = 0; r < h; ++r)
                    for (int64_t c = 0; c < w; ++c)
                        wanted += std::max(0.0, 1 - std::abs(y - r)) *
                                  std::max(0.0, 1 - std::abs(x - c)) * map[r * w + c];
                EXPECT_NEAR(got[i * to_w + j], wanted, 1e-14);
            }
    }
}

}  // namespace
}  // namespace whence
