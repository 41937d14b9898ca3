#pragma once
// Felzenszwalb and Huttenlocher's segmentation: pixels and the edges to their eight neighbours.

#include <array>

#include "whence/mask/segmentation.h"
#include "whence/mask/segmentation_image.h"

namespace whence::superpixel {

/// The edges of an image by their direction (right, down, down and right, down and left) and the
/// pixel they lead from: 4 * pixel + direction.
class Edges {
  public:
    static constexpr int64_t directions = 4;
    /// Costs: how much the colours of both ends differ.
    Edges(const Planes& image, const Run& run);

    /// All edges, the cheapest first; of equal ones in scikit-image's order: direction by direction
    /// (the last by where it arrives).
    [[nodiscard]] std::vector<uint32_t> cheapest_first(const Run& run) const;

    [[nodiscard]] int64_t size() const;
    [[nodiscard]] int32_t from(uint32_t edge) const {
        return static_cast<int32_t>(edge / directions);
    }
    [[nodiscard]] int32_t to(uint32_t edge) const { return from(edge) + steps_[edge % directions]; }
    [[nodiscard]] double& cost(uint32_t edge) {
        return costs_[edge % directions * pixels() + edge / directions];
    }
    [[nodiscard]] double cost(uint32_t edge) const {
        return costs_[edge % directions * pixels() + edge / directions];
    }

  private:
    // Of row y: pixels [begin, end) have an edge in this direction, and how many edges come before
    // theirs.
    struct Span {
        int64_t begin, end, before;
    };
    [[nodiscard]] Span row(int64_t direction, int64_t y) const;
    [[nodiscard]] size_t pixels() const { return static_cast<size_t>(height_ * width_); }

    int64_t height_, width_;
    std::array<int32_t, directions> steps_;
    std::vector<double> costs_;  // [directions][pixels]
};

/// The first pixel of each pixel's segment. `image` is RGB.
[[nodiscard]] Labels segment_pixels(Planes image, const Felzenszwalb& options, const Run& run);

}  // namespace whence::superpixel
