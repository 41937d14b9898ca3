#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "whence/core/parallel.h"
#include "whence/mask/felzenszwalb.h"

namespace whence::superpixel {
namespace {

constexpr int64_t row_grain = 32;

WHENCE_VECTOR_CLONES
void color_distances(const double* const from[channels], int64_t step, int64_t count, double* out) {
    const double *r = from[0], *g = from[1], *b = from[2];
    for (int64_t i = 0; i < count; ++i) {
        const double dr = r[i + step] - r[i], dg = g[i + step] - g[i], db = b[i + step] - b[i];
        out[i] = std::sqrt(dr * dr + dg * dg + db * db);
    }
}

// An edge and its cost rounded to float, whose bits are ordered as it is: no cost is negative.
struct Item {
    uint32_t key, edge;
};

// 11 bits a pass: three passes.
constexpr int digit_bits = 11, passes = 3;
constexpr size_t digits = size_t{1} << digit_bits;

size_t digit(uint32_t key, int pass) {
    return key >> (pass * digit_bits) & (digits - 1);
}

// Radix sort from the lowest digit on: stable by construction.
void sort_by_key(std::vector<Item>& items) {
    std::vector<std::array<uint32_t, digits>> counts(passes);
    for (const Item& item : items)
        for (int pass = 0; pass < passes; ++pass) ++counts[pass][digit(item.key, pass)];
    std::vector<Item> sorted(items.size());
    for (int pass = 0; pass < passes; ++pass) {
        std::array<uint32_t, digits>& starts = counts[pass];
        if (std::ranges::find(starts, items.size()) != starts.end())
            continue;  // all have this digit
        uint32_t start = 0;
        for (uint32_t& count : starts) start += std::exchange(count, start);
        for (const Item& item : items) sorted[starts[digit(item.key, pass)]++] = item;
        std::swap(items, sorted);
    }
}

}  // namespace

Edges::Edges(const Planes& image, const Run& run)
    : height_(image.height),
      width_(image.width),
      steps_{1, static_cast<int32_t>(width_), static_cast<int32_t>(width_ + 1),
             static_cast<int32_t>(width_ - 1)},
      costs_(directions * pixels()) {
    parallel_for(run, height_, row_grain, [&](int64_t first, int64_t last) {
        for (int64_t y = first; y < last; ++y)
            for (int64_t d = 0; d < directions; ++d) {
                const auto [begin, end, before] = row(d, y);
                const int64_t at = y * width_ + begin;
                const double* const from[channels] = {image.plane(0) + at, image.plane(1) + at,
                                                      image.plane(2) + at};
                color_distances(from, steps_[d], end - begin,
                                costs_.data() + d * height_ * width_ + at);
            }
    });
}

Edges::Span Edges::row(int64_t direction, int64_t y) const {
    const int64_t narrow = width_ - 1, below = height_ - 1;
    const int64_t before[directions] = {0, height_ * narrow, height_ * narrow + below * width_,
                                        height_ * narrow + below * (width_ + narrow)};
    const int64_t count = direction == 1 ? width_ : narrow, begin = direction == 3 ? 1 : 0;
    const bool there = direction == 0 || y < below;
    return {begin, there ? begin + count : begin, before[direction] + y * count};
}

int64_t Edges::size() const {
    return height_ * (width_ - 1) + (height_ - 1) * (width_ + 2 * (width_ - 1));
}

std::vector<uint32_t> Edges::cheapest_first(const Run& run) const {
    std::vector<Item> items(static_cast<size_t>(size()));
    parallel_for(run, height_, row_grain, [&](int64_t first, int64_t last) {
        for (int64_t y = first; y < last; ++y)
            for (int64_t d = 0; d < directions; ++d) {
                const auto [begin, end, before] = row(d, y);
                const double* costs = costs_.data() + (d * height_ + y) * width_;
                for (int64_t x = begin; x < end; ++x)
                    items[static_cast<size_t>(before + x - begin)] = {
                        std::bit_cast<uint32_t>(static_cast<float>(costs[x])),
                        static_cast<uint32_t>(directions * (y * width_ + x) + d)};
            }
    });
    sort_by_key(items);
    std::vector<uint32_t> out(items.size());
    std::ranges::transform(items, out.begin(), &Item::edge);
    // What rounding made equal is put right.
    for (size_t first = 0; first < items.size();) {
        size_t last = first + 1;
        while (last < items.size() && items[last].key == items[first].key) ++last;
        const auto by_cost = [&](uint32_t a, uint32_t b) { return cost(a) < cost(b); };
        const auto begin = out.begin() + static_cast<int64_t>(first),
                   end = out.begin() + static_cast<int64_t>(last);
        if (last - first > 1 && !std::is_sorted(begin, end, by_cost))
            std::stable_sort(begin, end, by_cost);
        first = last;
    }
    return out;
}

}  // namespace whence::superpixel
