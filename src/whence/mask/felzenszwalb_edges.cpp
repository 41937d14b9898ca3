#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "whence/mask/felzenszwalb.h"

namespace whence::superpixel {
namespace {

// Distances between the colours of `count` pixels from a on and as many from b on.
void add_edges(const Planes& image, int64_t a, int64_t b, int64_t count, Edges& edges) {
    for (int64_t i = 0; i < count; ++i) {
        double squares = 0;
        for (int k = 0; k < channels; ++k) {
            const double difference = image.plane(k)[b + i] - image.plane(k)[a + i];
            squares += difference * difference;
        }
        edges.cost.push_back(std::sqrt(squares));
        edges.from.push_back(static_cast<int32_t>(a + i));
        edges.to.push_back(static_cast<int32_t>(b + i));
    }
}

// 11 bits a pass: six passes for the 64 bits of a double.
constexpr int digit_bits = 11;
constexpr size_t digits = size_t{1} << digit_bits;
constexpr int passes = (64 + digit_bits - 1) / digit_bits;

struct Item {
    uint64_t key;
    uint32_t index;
};

size_t digit(uint64_t key, int pass) { return key >> (pass * digit_bits) & (digits - 1); }

// Where each digit's items begin; false if all items have the same one, so that the pass can go.
bool starts_of(const std::array<uint32_t, digits>& counts, size_t total,
               std::array<uint32_t, digits>& starts) {
    uint32_t start = 0;
    for (size_t d = 0; d < digits; ++d) {
        if (counts[d] == total) return false;
        starts[d] = start;
        start += counts[d];
    }
    return true;
}

}  // namespace

Edges neighbor_edges(const Planes& image) {
    const int64_t height = image.height, width = image.width;
    Edges edges;
    const auto size = static_cast<size_t>(4 * image.pixels());
    edges.cost.reserve(size);
    edges.from.reserve(size);
    edges.to.reserve(size);
    for (int64_t y = 0; y < height; ++y) add_edges(image, y * width, y * width + 1, width - 1, edges);
    for (int64_t y = 0; y + 1 < height; ++y)
        add_edges(image, y * width, (y + 1) * width, width, edges);
    for (int64_t y = 0; y + 1 < height; ++y)
        add_edges(image, y * width, (y + 1) * width + 1, width - 1, edges);
    for (int64_t y = 0; y + 1 < height; ++y)
        add_edges(image, y * width + 1, (y + 1) * width, width - 1, edges);
    return edges;
}

// Radix sort from the lowest digit on: stable by construction, and the bits of doubles that are not
// negative are ordered as they are.
std::vector<uint32_t> stable_order(std::span<const double> costs) {
    std::vector<Item> items(costs.size()), sorted(costs.size());
    std::vector<std::array<uint32_t, digits>> counts(passes);
    for (size_t i = 0; i < costs.size(); ++i) {
        items[i] = {std::bit_cast<uint64_t>(costs[i]), static_cast<uint32_t>(i)};
        for (int pass = 0; pass < passes; ++pass) ++counts[pass][digit(items[i].key, pass)];
    }
    std::array<uint32_t, digits> starts{};
    for (int pass = 0; pass < passes; ++pass) {
        if (!starts_of(counts[pass], items.size(), starts)) continue;
        for (const Item& item : items) sorted[starts[digit(item.key, pass)]++] = item;
        std::swap(items, sorted);
    }
    std::vector<uint32_t> order(items.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = items[i].index;
    return order;
}

}  // namespace whence::superpixel
