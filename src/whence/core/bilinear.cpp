#include "whence/core/bilinear.h"

#include <algorithm>
#include <cmath>

namespace whence {
namespace {

// Where one cell of the result lies between two cells of the map.
struct Between {
    int64_t lower, upper;
    double share;  // of the upper one
};

std::vector<Between> places(int64_t from, int64_t to) {
    std::vector<Between> out;
    out.reserve(static_cast<size_t>(to));
    const double step = static_cast<double>(from) / static_cast<double>(to);
    for (int64_t i = 0; i < to; ++i) {
        const double center = std::max(0.0, (static_cast<double>(i) + 0.5) * step - 0.5);
        const int64_t lower = std::min(static_cast<int64_t>(center), from - 1);
        out.push_back({lower, std::min(lower + 1, from - 1), center - static_cast<double>(lower)});
    }
    return out;
}

}  // namespace

std::vector<double> bilinear(std::span<const double> map, int64_t height, int64_t width,
                             int64_t to_height, int64_t to_width) {
    const std::vector<Between> rows = places(height, to_height), columns = places(width, to_width);
    std::vector<double> out;
    out.reserve(static_cast<size_t>(to_height * to_width));
    for (const Between& y : rows) {
        const auto lower = map.subspan(static_cast<size_t>(y.lower * width));
        const auto upper = map.subspan(static_cast<size_t>(y.upper * width));
        for (const Between& x : columns) {
            const auto at = [&x](std::span<const double> row) {
                return (1 - x.share) * row[static_cast<size_t>(x.lower)] +
                       x.share * row[static_cast<size_t>(x.upper)];
            };
            out.push_back((1 - y.share) * at(lower) + y.share * at(upper));
        }
    }
    return out;
}

}  // namespace whence
