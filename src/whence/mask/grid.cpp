#include "whence/mask/grid.h"

#include <algorithm>

namespace whence::superpixel {

Labels grid_labels(int64_t height, int64_t width, const Grid& options) {
    // Band i of n covers [i length / n, (i + 1) length / n): lengths differ by one pixel at most.
    const auto band = [](int64_t i, int64_t length, int64_t bands) {
        return ((i + 1) * bands - 1) / length;
    };
    const int64_t rows = std::min<int64_t>(options.rows, height);
    const int64_t columns = std::min<int64_t>(options.columns, width);
    Labels labels;
    labels.reserve(static_cast<size_t>(height * width));
    for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
            labels.push_back(
                static_cast<int32_t>(band(y, height, rows) * columns + band(x, width, columns)));
    return labels;
}

}  // namespace whence::superpixel
