#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "whence/mask/felzenszwalb.h"

namespace whence::superpixel {
namespace {

// Distances between the colours of `count` pixels from a on and as many from b on.
void add_edges(const Planes& image, int64_t a, int64_t b, int64_t count, std::vector<Edge>& edges) {
    for (int64_t i = 0; i < count; ++i) {
        double squares = 0;
        for (int k = 0; k < channels; ++k) {
            const double difference = image.plane(k)[b + i] - image.plane(k)[a + i];
            squares += difference * difference;
        }
        edges.push_back(
            {std::sqrt(squares), static_cast<int32_t>(a + i), static_cast<int32_t>(b + i)});
    }
}

// 11 bits a pass: six passes for the 64 bits of a double.
constexpr int digit_bits = 11;
constexpr size_t digits = size_t{1} << digit_bits;
constexpr int passes = (64 + digit_bits - 1) / digit_bits;

// The bits of doubles that are not negative are ordered as they are.
size_t digit(const Edge& edge, int pass) {
    return std::bit_cast<uint64_t>(edge.cost) >> (pass * digit_bits) & (digits - 1);
}

// Where each digit's edges begin; false if all edges have the same one, so that the pass can go.
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

std::vector<Edge> neighbor_edges(const Planes& image) {
    const int64_t height = image.height, width = image.width;
    std::vector<Edge> edges;
    edges.reserve(static_cast<size_t>(4 * image.pixels()));
    for (int64_t y = 0; y < height; ++y)
        add_edges(image, y * width, y * width + 1, width - 1, edges);
    for (int64_t y = 0; y + 1 < height; ++y)
        add_edges(image, y * width, (y + 1) * width, width, edges);
    for (int64_t y = 0; y + 1 < height; ++y)
        add_edges(image, y * width, (y + 1) * width + 1, width - 1, edges);
    for (int64_t y = 0; y + 1 < height; ++y)
        add_edges(image, y * width + 1, (y + 1) * width, width - 1, edges);
    return edges;
}

// Radix sort from the lowest digit on: stable by construction.
void sort_by_cost(std::vector<Edge>& edges) {
    std::vector<std::array<uint32_t, digits>> counts(passes);
    for (const Edge& edge : edges)
        for (int pass = 0; pass < passes; ++pass) ++counts[pass][digit(edge, pass)];
    std::vector<Edge> sorted(edges.size());
    std::array<uint32_t, digits> starts{};
    for (int pass = 0; pass < passes; ++pass) {
        if (!starts_of(counts[pass], edges.size(), starts)) continue;
        for (const Edge& edge : edges) sorted[starts[digit(edge, pass)]++] = edge;
        std::swap(edges, sorted);
    }
}

}  // namespace whence::superpixel
