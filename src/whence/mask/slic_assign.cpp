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

// Scratch of one thread for a row.
struct Row {
    std::vector<double> distance, label, x;
    explicit Row(int64_t width)
        : distance(static_cast<size_t>(width)), label(distance.size()), x(distance.size()) {
        for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
    }
};

struct Window {
    Range rows, columns;
};

void assign_row(const Planes& image, int64_t y, std::span<const Center> centers,
                std::span<const Window> windows, double weight, Row& row) {
    std::ranges::fill(row.distance, std::numeric_limits<double>::max());
    for (size_t k = 0; k < centers.size(); ++k) {
        const auto& [rows, columns] = windows[k];
        if (y < rows.begin || y >= rows.end) continue;
        const int64_t first = columns.begin, at = y * image.width + first;
        const double dy = centers[k].y - static_cast<double>(y);
        const Strip strip{{image.plane(0) + at, image.plane(1) + at, image.plane(2) + at},
                          row.x.data() + first,
                          row.distance.data() + first,
                          row.label.data() + first,
                          columns.end - first};
        offer_center(strip, centers[k], static_cast<double>(k), dy * dy, weight);
    }
}

}  // namespace

void assign_to_centers(const Planes& image, std::span<const Center> centers, double step,
                       const SlicGrid& windows, Labels& labels, const Run& run) {
    std::vector<Window> reach;
    for (const Center& center : centers)
        reach.push_back({window(center.y, windows.rows.step, image.height),
                         window(center.x, windows.columns.step, image.width)});
    const double weight = 1.0 / (step * step);
    parallel_for(run, image.height, row_grain, [&](int64_t begin, int64_t end) {
        Row row(image.width);
        for (int64_t y = begin; y < end; ++y) {
            int32_t* const line = labels.data() + y * image.width;
            std::copy_n(line, image.width, row.label.begin());
            assign_row(image, y, centers, reach, weight, row);
            std::ranges::transform(row.label, line,
                                   [](double label) { return static_cast<int32_t>(label); });
        }
    });
}

}  // namespace whence::superpixel
