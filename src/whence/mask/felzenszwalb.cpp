#include "whence/mask/felzenszwalb.h"

#include <algorithm>
#include <numeric>

namespace whence::superpixel {
namespace {

constexpr size_t check_every = 1 << 16;

// Disjoint sets of pixels. The root of a set is its first pixel.
class Forest {
  public:
    explicit Forest(int64_t pixels)
        : parent_(static_cast<size_t>(pixels)),
          size_(parent_.size(), 1),
          inner_(parent_.size(), 0.0) {
        std::iota(parent_.begin(), parent_.end(), 0);
    }
    int32_t root(int32_t pixel) {
        while (parent(pixel) != pixel) {
            parent(pixel) = parent(parent(pixel));
            pixel = parent(pixel);
        }
        return pixel;
    }
    // Both are roots.
    int32_t join(int32_t a, int32_t b) {
        const auto [first, second] = std::minmax(a, b);
        parent(second) = first;
        size_[static_cast<size_t>(first)] += size(second);
        return first;
    }
    [[nodiscard]] int32_t size(int32_t root) const { return size_[static_cast<size_t>(root)]; }
    // The dearest edge that joined the set.
    double& inner(int32_t root) { return inner_[static_cast<size_t>(root)]; }

    Labels roots() {
        for (int32_t pixel = 0; pixel < static_cast<int32_t>(parent_.size()); ++pixel)
            parent(pixel) = root(pixel);
        return std::move(parent_);
    }

  private:
    int32_t& parent(int32_t pixel) { return parent_[static_cast<size_t>(pixel)]; }
    Labels parent_;
    std::vector<int32_t> size_;
    std::vector<double> inner_;
};

// Calls visit(root, other root, edge) for each edge in turn whose ends are in different sets.
template <class Visit>
void for_each_border(std::span<const Edge> edges, Forest& forest, const Run& run, Visit visit) {
    for (size_t i = 0; i < edges.size(); ++i) {
        if (i % check_every == 0) run.check();
        const int32_t a = forest.root(edges[i].from), b = forest.root(edges[i].to);
        if (a != b) visit(a, b, edges[i]);
    }
}

// Joins sets along edges no dearer than those within them, and returns the edges left between sets.
std::vector<Edge> merge_alike(std::span<const Edge> edges, double scale, Forest& forest,
                              const Run& run) {
    std::vector<Edge> left;
    for_each_border(edges, forest, run, [&](int32_t a, int32_t b, const Edge& edge) {
        // Single precision as in scikit-image: it decides near ties.
        const auto bound_a = static_cast<float>(forest.inner(a) + scale / forest.size(a));
        const auto bound_b = static_cast<float>(forest.inner(b) + scale / forest.size(b));
        if (edge.cost < std::min(bound_a, bound_b))
            forest.inner(forest.join(a, b)) = edge.cost;
        else
            left.push_back(edge);
    });
    return left;
}

void merge_small(std::span<const Edge> edges, int32_t min_size, Forest& forest, const Run& run) {
    for_each_border(edges, forest, run, [&](int32_t a, int32_t b, const Edge&) {
        if (std::min(forest.size(a), forest.size(b)) < min_size) forest.join(a, b);
    });
}

}  // namespace

Labels segment_pixels(Planes image, const Felzenszwalb& options, const Run& run) {
    smooth(image, options.sigma, run);
    std::vector<Edge> edges = neighbor_edges(image);
    sort_by_cost(edges);
    Forest forest(image.pixels());
    const double scale = options.scale / 255.0;  // the paper's colours reach 255
    edges = merge_alike(edges, scale, forest, run);
    merge_small(edges, options.min_size, forest, run);
    return forest.roots();
}

}  // namespace whence::superpixel
