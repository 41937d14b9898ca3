#include "whence/gradients/regions.h"

#include <algorithm>

namespace whence::gradients {
namespace {

struct Remaining {
    double sum = 0;
    int64_t count = 0;
    [[nodiscard]] double mean() const { return sum / static_cast<double>(count); }
};

// Which regions each pixel belongs to, so that a pixel taken is taken from each of them, once.
std::vector<std::vector<int32_t>> owners_of(const std::vector<Region>& regions, size_t pixels) {
    std::vector<std::vector<int32_t>> owners(pixels);
    for (size_t r = 0; r < regions.size(); ++r)
        for (const int32_t pixel : regions[r]) owners[pixel].push_back(static_cast<int32_t>(r));
    return owners;
}

}  // namespace

RankedRegions rank_regions(const std::vector<double>& pixels, const std::vector<Region>& regions,
                           int64_t least, const Run& run) {
    constexpr int32_t unclaimed = -1;
    const auto owners = owners_of(regions, pixels.size());
    std::vector<Remaining> left(regions.size());
    for (size_t r = 0; r < regions.size(); ++r)
        for (const int32_t pixel : regions[r]) {
            left[r].sum += pixels[pixel];
            ++left[r].count;
        }
    RankedRegions ranked{.labels = std::vector<int32_t>(pixels.size(), unclaimed)};
    const auto take = [&](int32_t pixel) {
        ranked.labels[pixel] = static_cast<int32_t>(ranked.gains.size());
        for (const int32_t r : owners[pixel]) {
            left[r].sum -= pixels[pixel];
            --left[r].count;
        }
    };
    while (true) {
        run.check();
        size_t best = regions.size();
        for (size_t r = 0; r < regions.size(); ++r)
            if (left[r].count >= std::max<int64_t>(1, least) &&
                (best == regions.size() || left[r].mean() > left[best].mean()))
                best = r;
        if (best == regions.size()) break;
        const double gain = left[best].mean();
        for (const int32_t pixel : regions[best])
            if (ranked.labels[pixel] == unclaimed) take(pixel);
        ranked.gains.push_back(gain);
    }
    Remaining rest;
    for (size_t p = 0; p < pixels.size(); ++p) {
        if (ranked.labels[p] != unclaimed) continue;
        ranked.labels[p] = static_cast<int32_t>(ranked.gains.size());
        rest.sum += pixels[p];
        ++rest.count;
    }
    if (rest.count > 0) ranked.gains.push_back(rest.mean());
    return ranked;
}

std::vector<Region> dilated_regions(const std::vector<int32_t>& labels, int64_t height,
                                    int64_t width, int64_t radius) {
    const int32_t count = labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
    std::vector<Region> regions(count);
    for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x) {
            const auto pixel = static_cast<int32_t>(y * width + x);
            for (int64_t dy = -radius; dy <= radius; ++dy)
                for (int64_t dx = -radius; dx <= radius; ++dx) {
                    const int64_t row = y + dy, column = x + dx;
                    if (dy * dy + dx * dx > radius * radius || row < 0 || row >= height ||
                        column < 0 || column >= width)
                        continue;
                    Region& region = regions[labels[row * width + column]];
                    // Pixels come in order, so one that is there already is there last.
                    if (region.empty() || region.back() != pixel) region.push_back(pixel);
                }
        }
    return regions;
}

}  // namespace whence::gradients
