#include <algorithm>
#include <cmath>
#include <limits>

#include "whence/core/parallel.h"
#include "whence/mask/slic.h"

namespace whence::superpixel {
namespace {

constexpr int64_t row_grain = 16;

// Half-open; empty for a centre that lost all its pixels (its place is NaN).
struct Range {
    int64_t begin = 0, end = 0;
};
Range window(double center, int64_t step, int64_t length) {
    const auto reach = static_cast<double>(2 * step);
    if (std::isnan(center)) return {};
    return {static_cast<int64_t>(std::max(center - reach, 0.0)),
            static_cast<int64_t>(std::min(center + reach + 1, static_cast<double>(length)))};
}

// A piece of a row: its colours and what was found for it so far.
struct Strip {
    const double* color[channels];
    const double* x;
    double* distance;
    double* label;  // as double, so that the loop has one element size
    int64_t count;
};

WHENCE_VECTOR_CLONES
void offer_center(const Strip& strip, const Center& center, double label, double y_squared,
                  double weight) {
    const double *l = strip.color[0], *a = strip.color[1], *b = strip.color[2], *x = strip.x;
    const double cl = center.color[0], ca = center.color[1], cb = center.color[2], cx = center.x;
    double* __restrict const nearest = strip.distance;
    double* __restrict const labels = strip.label;
    const int64_t count = strip.count;
    for (int64_t i = 0; i < count; ++i) {
        const double dx = cx - x[i];
        const double dl = l[i] - cl, da = a[i] - ca, db = b[i] - cb;
        const double distance = (y_squared + dx * dx) * weight + (dl * dl + da * da + db * db);
        const double before = nearest[i], old = labels[i];
        nearest[i] = before > distance ? distance : before;
        labels[i] = before > distance ? label : old;
    }
}

constexpr int64_t strip_pixels = 16;
constexpr double rounding = 1e-9;
int64_t strips_of(int64_t width) {
    return (width + strip_pixels - 1) / strip_pixels;
}

// Scratch of one thread for a row.
struct Row {
    std::vector<double> distance, label, x;
    std::vector<double> limit;  // of each strip: no pixel's centre should be farther
    explicit Row(int64_t width)
        : distance(static_cast<size_t>(width)),
          label(distance.size()),
          x(distance.size()),
          limit(static_cast<size_t>(strips_of(width))) {
        for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
    }
};

struct Window {
    Range rows, columns;
};

// The strips at both ends of a window where the centre is farther than any centre that matters, by
// its place alone, are cut off. Sums and products round monotonically: what is computed for a pixel
// is no less.
Range trimmed(Range columns, const Center& center, double y_squared, double weight,
              std::span<const double> limit) {
    const auto beyond = [&](int64_t strip) {
        const auto first = static_cast<double>(strip * strip_pixels);
        const auto last = first + static_cast<double>(strip_pixels - 1);
        const double dx = std::max({first - center.x, center.x - last, 0.0});
        return (y_squared + dx * dx) * weight > limit[static_cast<size_t>(strip)];
    };
    while (columns.begin < columns.end && beyond(columns.begin / strip_pixels))
        columns.begin = (columns.begin / strip_pixels + 1) * strip_pixels;
    while (columns.begin < columns.end && beyond((columns.end - 1) / strip_pixels))
        columns.end = (columns.end - 1) / strip_pixels * strip_pixels;
    return columns;
}

void offer_all(const Planes& image, int64_t y, std::span<const Center> centers,
               std::span<const Window> windows, double weight, Row& row) {
    std::ranges::fill(row.distance, std::numeric_limits<double>::max());
    const double farthest = std::ranges::max(row.limit);
    for (size_t k = 0; k < centers.size(); ++k) {
        const Window& window = windows[k];
        if (y < window.rows.begin || y >= window.rows.end) continue;
        const double dy = centers[k].y - static_cast<double>(y);
        if (dy * dy * weight > farthest) continue;
        const auto [first, last] = trimmed(window.columns, centers[k], dy * dy, weight, row.limit);
        if (first >= last) continue;
        const int64_t at = y * image.width + first;
        const Strip strip{{image.plane(0) + at, image.plane(1) + at, image.plane(2) + at},
                          row.x.data() + first,
                          row.distance.data() + first,
                          row.label.data() + first,
                          last - first};
        offer_center(strip, centers[k], static_cast<double>(k), dy * dy, weight);
    }
}

// The farthest pixel of each strip; false where one is farther than the limit, so that centres that
// were left out may be nearer.
bool measure(const Row& row, std::span<double> farthest) {
    const auto width = static_cast<int64_t>(row.distance.size());
    bool within = true;
    for (size_t s = 0; s < farthest.size(); ++s) {
        const int64_t first = static_cast<int64_t>(s) * strip_pixels;
        double most = 0;
        for (int64_t i = first; i < std::min(first + strip_pixels, width); ++i)
            most = std::max(most, row.distance[static_cast<size_t>(i)]);
        farthest[s] = most;
        within = within && most <= row.limit[s];
    }
    return within;
}

}  // namespace

double distance(const Center& a, const Center& b, double step) {
    double squares = ((a.y - b.y) * (a.y - b.y) + (a.x - b.x) * (a.x - b.x)) / (step * step);
    for (int k = 0; k < channels; ++k)
        squares += (a.color[k] - b.color[k]) * (a.color[k] - b.color[k]);
    return std::sqrt(squares);
}

void assign_to_centers(const Planes& image, std::span<const Center> centers, double step,
                       const SlicGrid& windows, SlicReach& reach, Labels& labels, const Run& run) {
    std::vector<Window> around;
    for (const Center& center : centers)
        around.push_back({window(center.y, windows.rows.step, image.height),
                          window(center.x, windows.columns.step, image.width)});
    const double weight = 1.0 / (step * step);
    const int64_t strips = strips_of(image.width);
    constexpr double anywhere = std::numeric_limits<double>::infinity();
    const bool known = !reach.farthest.empty();
    if (!known) reach.farthest.assign(static_cast<size_t>(image.height * strips), anywhere);
    parallel_for(run, image.height, row_grain, [&](int64_t begin, int64_t end) {
        Row row(image.width);
        for (int64_t y = begin; y < end; ++y) {
            int32_t* const line = labels.data() + y * image.width;
            const std::span<double> farthest(reach.farthest.data() + y * strips,
                                             static_cast<size_t>(strips));
            // A pixel's centre has gone away by what it moved at most.
            for (size_t s = 0; s < farthest.size(); ++s) {
                const double distance = (std::sqrt(farthest[s]) + reach.moved) * (1 + rounding);
                row.limit[s] = known ? distance * distance : anywhere;
            }
            std::copy_n(line, image.width, row.label.begin());
            offer_all(image, y, centers, around, weight, row);
            if (!measure(row, farthest)) {
                std::ranges::fill(row.limit, anywhere);
                std::copy_n(line, image.width, row.label.begin());
                offer_all(image, y, centers, around, weight, row);
                static_cast<void>(measure(row, farthest));
            }
            std::ranges::transform(row.label, line,
                                   [](double label) { return static_cast<int32_t>(label); });
        }
    });
}

}  // namespace whence::superpixel
