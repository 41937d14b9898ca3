#include "whence/mask/felzenszwalb.h"

#include <algorithm>
#include <numeric>

namespace whence::superpixel {
namespace {

constexpr size_t check_every = 1 << 16;

// Disjoint sets of pixels. The root of a set is its first pixel.
class Forest {
  public:
    Forest(int64_t pixels, double scale)
        : scale_(scale),
          parent_(static_cast<size_t>(pixels)),
          size_(parent_.size(), 1),
          bound_(parent_.size(), static_cast<float>(scale)) {
        std::iota(parent_.begin(), parent_.end(), 0);
    }
    int32_t root(int32_t pixel) {
        int32_t* const parent = parent_.data();
        while (parent[pixel] != pixel) {
            parent[pixel] = parent[parent[pixel]];
            pixel = parent[pixel];
        }
        return pixel;
    }
    // Both are roots.
    int32_t join(int32_t a, int32_t b) {
        const auto [first, second] = std::minmax(a, b);
        parent_[static_cast<size_t>(second)] = first;
        size_[static_cast<size_t>(first)] += size(second);
        return first;
    }
    // Along an edge that is the dearest within the set from now on.
    void join(int32_t a, int32_t b, double cost) {
        const int32_t root = join(a, b);
        bound_[static_cast<size_t>(root)] = static_cast<float>(cost + scale_ / size(root));
    }
    [[nodiscard]] int32_t size(int32_t root) const { return size_[static_cast<size_t>(root)]; }
    // Edges below this may join the set: the dearest within it and its share of the scale. Single
    // precision as in scikit-image: it decides near ties.
    [[nodiscard]] float bound(int32_t root) const { return bound_[static_cast<size_t>(root)]; }

    Labels roots() {
        for (int32_t pixel = 0; pixel < static_cast<int32_t>(parent_.size()); ++pixel)
            parent_[static_cast<size_t>(pixel)] = root(pixel);
        return std::move(parent_);
    }

  private:
    double scale_;
    Labels parent_;
    std::vector<int32_t> size_;
    std::vector<float> bound_;
};

// Calls visit(root, other root, edge) for each edge in turn whose ends are in different sets.
template <class Visit>
void for_each_border(const Edges& edges, std::span<const uint32_t> order, Forest& forest,
                     const Run& run, Visit visit) {
    for (size_t i = 0; i < order.size(); ++i) {
        if (i % check_every == 0) run.check();
        const int32_t a = forest.root(edges.from(order[i])), b = forest.root(edges.to(order[i]));
        if (a != b) visit(a, b, order[i]);
    }
}

// Joins sets along edges no dearer than those within them, and returns the edges left between sets.
std::vector<uint32_t> merge_alike(const Edges& edges, std::span<const uint32_t> order,
                                  Forest& forest, const Run& run) {
    std::vector<uint32_t> left;
    for_each_border(edges, order, forest, run, [&](int32_t a, int32_t b, uint32_t edge) {
        const double cost = edges.cost(edge);
        if (cost < std::min(forest.bound(a), forest.bound(b)))
            forest.join(a, b, cost);
        else
            left.push_back(edge);
    });
    return left;
}

void merge_small(const Edges& edges, std::span<const uint32_t> order, int32_t min_size,
                 Forest& forest, const Run& run) {
    for_each_border(edges, order, forest, run, [&](int32_t a, int32_t b, uint32_t) {
        if (std::min(forest.size(a), forest.size(b)) < min_size) forest.join(a, b);
    });
}

}  // namespace

Labels segment_pixels(Planes image, const Felzenszwalb& options, const Run& run) {
    smooth(image, options.sigma, run);
    const Edges edges(image, run);
    Forest forest(image.pixels(), options.scale / 255.0);  // the paper's colours reach 255
    const std::vector<uint32_t> left = merge_alike(edges, edges.cheapest_first(run), forest, run);
    merge_small(edges, left, options.min_size, forest, run);
    return forest.roots();
}

}  // namespace whence::superpixel
