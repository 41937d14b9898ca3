#include <algorithm>
#include <cmath>
#include <limits>

#include "whence/core/parallel.h"
#include "whence/mask/quickshift.h"

namespace whence::superpixel {
namespace {

constexpr int64_t row_grain = 8;

struct Offset {
    int32_t dy, dx;
    int64_t step;     // to the pixel, in memory
    double distance;  // dy^2 + dx^2
};

// Nearest first: a pixel whose position alone is too far ends the search.
std::vector<Offset> offsets_by_distance(const Planes& image, double kernel_size) {
    const auto radius = quickshift_radius(kernel_size);
    const auto rows = static_cast<int32_t>(std::min(radius, image.height - 1));
    const auto columns = static_cast<int32_t>(std::min(radius, image.width - 1));
    std::vector<Offset> offsets;
    for (int32_t dy = -rows; dy <= rows; ++dy)
        for (int32_t dx = -columns; dx <= columns; ++dx)
            if (dy != 0 || dx != 0)
                offsets.push_back(
                    {dy, dx, dy * image.width + dx, static_cast<double>(dy * dy + dx * dx)});
    std::ranges::stable_sort(offsets, {}, &Offset::distance);
    return offsets;
}

class Parents {
  public:
    Parents(const Planes& colors, std::span<const double> density, double kernel_size,
            double max_dist)
        : height_(colors.height),
          width_(colors.width),
          max_dist_(max_dist),
          offsets_(offsets_by_distance(colors, kernel_size)),
          density_(density),
          pixels_(static_cast<size_t>(colors.pixels())) {
        for (size_t i = 0; i < pixels_.size(); ++i)
            for (int k = 0; k < channels; ++k) pixels_[i].color[k] = colors.plane(k)[i];
    }

    [[nodiscard]] int32_t of(int64_t row, int64_t column) const {
        const int64_t self = row * width_ + column;
        int64_t parent = self;
        double closest = std::numeric_limits<double>::infinity();
        for (const Offset& offset : offsets_) {
            if (offset.distance > closest) break;
            if (!inside(row + offset.dy, column + offset.dx)) continue;
            const int64_t other = self + offset.step;
            if (!(density_[static_cast<size_t>(other)] > density_[static_cast<size_t>(self)]))
                continue;
            const double distance = distance_of(self, other, offset);
            if (distance > closest || (distance == closest && other > parent)) continue;
            closest = distance;
            parent = other;
        }
        return static_cast<int32_t>(std::sqrt(closest) > max_dist_ ? self : parent);
    }

  private:
    // Padded so that one load brings a pixel.
    struct alignas(32) Pixel {
        double color[4] = {};
    };

    [[nodiscard]] bool inside(int64_t row, int64_t column) const {
        return row >= 0 && row < height_ && column >= 0 && column < width_;
    }
    [[nodiscard]] double distance_of(int64_t a, int64_t b, const Offset& offset) const {
        const double* p = pixels_[static_cast<size_t>(a)].color;
        const double* q = pixels_[static_cast<size_t>(b)].color;
        const double dl = p[0] - q[0], da = p[1] - q[1], db = p[2] - q[2];
        return dl * dl + da * da + db * db + offset.distance;
    }

    int64_t height_, width_;
    double max_dist_;
    std::vector<Offset> offsets_;
    std::span<const double> density_;
    std::vector<Pixel> pixels_;
};

}  // namespace

Labels quickshift_parents(const Planes& colors, std::span<const double> density, double kernel_size,
                          double max_dist, const Run& run) {
    const Parents parents(colors, density, kernel_size, max_dist);
    Labels result(density.size());
    parallel_for(run, colors.height, row_grain, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            for (int64_t column = 0; column < colors.width; ++column)
                result[static_cast<size_t>(row * colors.width + column)] = parents.of(row, column);
    });
    return result;
}

}  // namespace whence::superpixel
