#pragma once
// What the tests of training/ share.

#include <numeric>
#include <vector>

#include "whence/core/rng.h"
#include "whence/training/training.h"

namespace whence::training {

inline std::vector<int64_t> all_rows(const data::LabelledImages& images) {
    std::vector<int64_t> rows(images.count());
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
}

/// Noise; the class says which quarter of the picture is bright.
inline data::LabelledImages quarters(int64_t count, int64_t side = 8, int64_t channels = 1, uint64_t seed = 5) {
    data::LabelledImages images{.height = side, .width = side, .channels = channels, .classes = {"a", "b", "c", "d"}};
    Rng rng(seed, 1, 0);
    for (int64_t i = 0; i < count; ++i) {
        const auto label = static_cast<int32_t>(rng.below(4));
        images.labels.push_back(label);
        for (int64_t y = 0; y < side; ++y)
            for (int64_t x = 0; x < side; ++x)
                for (int64_t c = 0; c < channels; ++c) {
                    const bool bright = (2 * y / side) * 2 + 2 * x / side == label;
                    images.pixels.push_back(static_cast<uint8_t>((bright ? 100 : 0) + rng.below(100)));
                }
    }
    return images;
}

}  // namespace whence::training
