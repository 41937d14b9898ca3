// Each fast part beside a slow and obvious one.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mask/segmentation_support.h"
#include "whence/core/rng.h"
#include "whence/mask/color.h"
#include "whence/mask/felzenszwalb.h"
#include "whence/mask/quickshift.h"
#include "whence/mask/quickshift_noise.h"
#include "whence/mask/slic.h"

namespace whence::superpixel {
namespace {

// Squared distance in colour and position of pixels a and b.
double squared_distance(const Planes& image, int64_t a, int64_t b) {
    double total = 0;
    for (int k = 0; k < channels; ++k) {
        const double difference = image.plane(k)[a] - image.plane(k)[b];
        total += difference * difference;
    }
    const auto dy = static_cast<double>(a / image.width - b / image.width);
    const auto dx = static_cast<double>(a % image.width - b % image.width);
    return total + (dy * dy + dx * dx);
}

bool in_window(const Planes& image, int64_t a, int64_t b, int64_t radius) {
    return std::abs(a / image.width - b / image.width) <= radius &&
           std::abs(a % image.width - b % image.width) <= radius;
}

std::vector<double> slow_density(const Planes& image, double kernel_size) {
    std::vector<double> density(static_cast<size_t>(image.pixels()));
    for (int64_t a = 0; a < image.pixels(); ++a)
        for (int64_t b = 0; b < image.pixels(); ++b)
            if (in_window(image, a, b, quickshift_radius(kernel_size)))
                density[static_cast<size_t>(a)] +=
                    std::exp(squared_distance(image, a, b) / (-2 * kernel_size * kernel_size));
    return density;
}

Labels slow_parents(const Planes& image, std::span<const double> density, double kernel_size,
                    double max_dist) {
    Labels parents(density.size());
    for (int64_t a = 0; a < image.pixels(); ++a) {
        double closest = std::numeric_limits<double>::infinity();
        int64_t parent = a;
        for (int64_t b = 0; b < image.pixels(); ++b) {
            if (!in_window(image, a, b, quickshift_radius(kernel_size))) continue;
            if (!(density[static_cast<size_t>(b)] > density[static_cast<size_t>(a)])) continue;
            const double distance = squared_distance(image, a, b);
            if (distance >= closest) continue;
            closest = distance;
            parent = b;
        }
        parents[static_cast<size_t>(a)] =
            static_cast<int32_t>(std::sqrt(closest) <= max_dist ? parent : a);
    }
    return parents;
}

Planes small_image() {
    return tests::to_planes(tests::synthetic(29, 37, 3), 20);
}

// Weights are float: 2^-24 from the colours' squared difference (relative to the exponent, which is
// below 20 wherever the weight matters), 7.5e-8 from the polynomial, 2^-24 for each of 25 sums.
constexpr double density_tolerance = 2e-6;

TEST(SegmentationTwin, QuickshiftDensity) {
    const Planes image = small_image();
    for (const double kernel_size : {1.0, 2.5, 4.0, 30.0}) {
        const auto fast = quickshift_density(image, kernel_size, {});
        const auto slow = slow_density(image, kernel_size);
        for (size_t i = 0; i < slow.size(); ++i)
            ASSERT_NEAR(fast[i], slow[i], density_tolerance * slow[i]) << kernel_size << " " << i;
        // The checker can fail: one weight of the nearest neighbour more.
        EXPECT_GT(std::exp(-1 / (2 * kernel_size * kernel_size)), 2 * density_tolerance * slow[0]);
    }
}

TEST(SegmentationTwin, QuickshiftDensityOfEqualSurroundingsIsEqual) {
    // Larger than the blocks of rows, so that their borders are inside.
    const auto density =
        quickshift_density(tests::to_planes(tests::constant(140, 40, 0.5), 1), 4, {});
    for (int64_t y = 12; y < 128; ++y)
        for (int64_t x = 12; x < 28; ++x)
            ASSERT_EQ(density[static_cast<size_t>(y * 40 + x)], density[12 * 40 + 12]);
}

TEST(SegmentationTwin, QuickshiftParents) {
    const Planes image = small_image();
    for (const double max_dist : {1.5, 5.0, 200.0}) {
        // Coarse densities have many equals.
        for (const double step : {1e-9, 0.5}) {
            auto density = slow_density(image, 3);
            for (double& value : density) value = std::round(value / step) * step;
            EXPECT_EQ(quickshift_parents(image, density, 3, max_dist, {}),
                      slow_parents(image, density, 3, max_dist));
        }
    }
}

// Every pixel asks every centre.
void slow_assign(const Planes& image, std::span<const Center> centers, double step,
                 const SlicGrid& windows, Labels& labels) {
    for (int64_t i = 0; i < image.pixels(); ++i) {
        const auto y = static_cast<double>(i / image.width),
                   x = static_cast<double>(i % image.width);
        double nearest = std::numeric_limits<double>::infinity();
        for (size_t k = 0; k < centers.size(); ++k) {
            const Center& c = centers[k];
            const auto reach_y = static_cast<double>(2 * windows.rows.step);
            const auto reach_x = static_cast<double>(2 * windows.columns.step);
            if (!(y >= std::floor(std::max(c.y - reach_y, 0.0)) &&
                  y < std::floor(c.y + reach_y + 1) &&
                  x >= std::floor(std::max(c.x - reach_x, 0.0)) &&
                  x < std::floor(c.x + reach_x + 1)))
                continue;
            double color = 0;
            for (int j = 0; j < channels; ++j) color += std::pow(image.plane(j)[i] - c.color[j], 2);
            const double place = (c.y - y) * (c.y - y) + (c.x - x) * (c.x - x);
            const double distance = place * (1 / (step * step)) + color;
            if (distance >= nearest) continue;
            nearest = distance;
            labels[static_cast<size_t>(i)] = static_cast<int32_t>(k);
        }
    }
}

TEST(SegmentationTwin, SlicAssignment) {
    const Planes image = small_image();
    const SlicGrid grid = regular_grid(image.height, image.width, 30);
    std::vector<Center> centers;
    for (int64_t i = 0; i < 30; ++i) {
        const int64_t pixel = i * 7919 % image.pixels();
        centers.push_back({static_cast<double>(pixel / 37) + 0.25,
                           static_cast<double>(pixel % 37),
                           {image.plane(0)[pixel], image.plane(1)[pixel], image.plane(2)[pixel]}});
    }
    centers.push_back(centers[3]);                                // a tie: the first stays
    centers.insert(centers.begin(), Center{.y = NAN, .x = NAN});  // lost all its pixels
    Labels fast(static_cast<size_t>(image.pixels()), -1), slow = fast;
    SlicReach reach;
    assign_to_centers(image, centers, 6, grid, reach, fast, {});
    slow_assign(image, centers, 6, grid, slow);
    EXPECT_EQ(fast, slow);

    // Again with centres that have moved, a little and far; one goes so far that its window leaves
    // its pixels. What is said of how far they moved is true, or a lie: it only costs time.
    for (const double far : {0.1, 1.0, 8.0})
        for (const double told : {1.0, 0.0}) {
            std::vector<Center> moved = centers;
            reach.moved = 0;
            Rng rng(3, 1, static_cast<uint64_t>(10 * far));
            for (size_t k = 0; k < moved.size(); ++k) {
                moved[k].y += far * rng.normal();
                moved[k].x += far * rng.normal();
                moved[k].color[1] += 0.01 * far * rng.normal();
                if (const double by = distance(centers[k], moved[k], 6); by > reach.moved)
                    reach.moved = told * by;
            }
            SlicReach again = reach;
            Labels next = fast, slow_next = fast;
            assign_to_centers(image, moved, 6, grid, again, next, {});
            slow_assign(image, moved, 6, grid, slow_next);
            EXPECT_EQ(next, slow_next) << far << " " << told;
        }
}

// skimage.util.regular_grid((1, height, width), points), by hand from its documentation.
TEST(SegmentationTwin, SlicGridIsEven) {
    const SlicGrid grid = regular_grid(20, 40, 8);
    EXPECT_EQ(grid.rows.start, 5);
    EXPECT_EQ(grid.rows.step, 10);
    EXPECT_EQ(grid.columns.start, 5);
    EXPECT_EQ(grid.columns.step, 10);
    EXPECT_EQ(grid.rows.count(20) * grid.columns.count(40), 8);
    EXPECT_EQ(regular_grid(1, 40, 8).columns.step, 5);
    EXPECT_EQ(regular_grid(3, 3, 100).rows.step, 1);
}

// Direction by direction, row by row; the last direction by where it arrives.
std::vector<uint32_t> all_edges(const Planes& image) {
    std::vector<uint32_t> out;
    for (uint32_t direction = 0; direction < 4; ++direction)
        for (int64_t y = 0; y < image.height - (direction > 0); ++y)
            for (int64_t x = direction == 3; x < image.width - (direction == 0 || direction == 2);
                 ++x)
                out.push_back(static_cast<uint32_t>(4 * (y * image.width + x)) + direction);
    return out;
}

TEST(SegmentationTwin, EdgesAreSortedStably) {
    const Planes image = small_image();
    Edges edges(image, {});
    std::vector<uint32_t> slow = all_edges(image);
    for (size_t i = 0; i < slow.size(); ++i) {
        double& cost = edges.cost(slow[i]);
        if (i % 3 == 0) cost = std::floor(cost);
        if (i % 3 == 1)
            cost = 0.5 + 1e-12 * static_cast<double>(i * 7919 % 13);  // one float, 13 doubles
    }
    const std::vector<uint32_t> fast = edges.cheapest_first({});
    std::ranges::stable_sort(slow, {}, [&](uint32_t edge) { return edges.cost(edge); });
    EXPECT_EQ(fast, slow);
}

TEST(SegmentationTwin, EdgesJoinEightNeighborsAndCostTheirDifference) {
    for (const auto& [height, width] :
         {std::pair<int64_t, int64_t>{1, 1}, {1, 5}, {5, 1}, {3, 4}}) {
        const Planes image(height, width);
        EXPECT_EQ(Edges(image, {}).size(), static_cast<int64_t>(all_edges(image).size()));
        EXPECT_EQ(Edges(image, {}).cheapest_first({}), all_edges(image));
    }
    const Planes image = small_image();
    const Edges edges(image, {});
    for (const uint32_t edge : all_edges(image)) {
        const int64_t a = edges.from(edge), b = edges.to(edge);
        const int64_t dy = b / image.width - a / image.width,
                      dx = b % image.width - a % image.width;
        const int64_t wanted[4][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}};
        ASSERT_EQ(dy, wanted[edge % 4][0]);
        ASSERT_EQ(dx, wanted[edge % 4][1]);
        double squares = 0;
        for (int k = 0; k < channels; ++k)
            squares += std::pow(image.plane(k)[b] - image.plane(k)[a], 2);
        ASSERT_EQ(edges.cost(edge), std::sqrt(squares));
    }
}

// Mirrored at the edges and summed over the whole plane at once.
TEST(SegmentationTwin, Smoothing) {
    const Planes image = small_image();
    for (const double sigma : {0.8, 3.0, 20.0}) {  // the last kernel is wider than the image
        Planes fast = image;
        smooth(fast, sigma, {});
        const auto kernel = gaussian_half_kernel(sigma);
        const auto radius = static_cast<int64_t>(kernel.size()) - 1;
        const auto mirrored = [](int64_t i, int64_t size) {
            while (i < 0 || i >= size) i = i < 0 ? -1 - i : 2 * size - 1 - i;
            return i;
        };
        for (const int64_t pixel : {0, 36, 500, 29 * 37 - 1}) {
            double slow = 0;
            for (int64_t dy = -radius; dy <= radius; ++dy)
                for (int64_t dx = -radius; dx <= radius; ++dx)
                    slow +=
                        kernel[static_cast<size_t>(std::abs(dy))] *
                        kernel[static_cast<size_t>(std::abs(dx))] *
                        image.plane(
                            1)[mirrored(pixel / 37 + dy, 29) * 37 + mirrored(pixel % 37 + dx, 37)];
            EXPECT_NEAR(fast.plane(1)[pixel], slow, 1e-12 * slow);
        }
    }
}

TEST(SegmentationTwin, LabOfKnownColors) {
    Planes colors(1, 3);  // white, pure red, a dark grey below both thresholds
    const double rgb[3][3] = {{1, 1, 1}, {1, 0, 0}, {0.01, 0.01, 0.01}};
    for (int pixel = 0; pixel < 3; ++pixel)
        for (int k = 0; k < 3; ++k) colors.plane(k)[pixel] = rgb[pixel][k];
    rgb_to_lab(colors, {});
    // skimage.color.rgb2lab 0.26.
    const double lab[3][3] = {{1.00000000e+02, -2.45493786e-03, 4.65342115e-03},
                              {5.32405879e+01, 8.00923082e+01, 6.72027510e+01},
                              {6.99142415e-01, -4.43881748e-05, 8.41378036e-05}};
    for (int pixel = 0; pixel < 3; ++pixel)
        for (int k = 0; k < 3; ++k)
            EXPECT_NEAR(colors.plane(k)[pixel], lab[pixel][k], 5e-8) << pixel << " " << k;
}

// numpy.random.default_rng(0).standard_normal(4), NumPy 2.4; and what many of them look like.
TEST(SegmentationTwin, NoiseIsNumpys) {
    NumpyNormal normal(0);
    for (const double expected : {0.12573022, -0.13210486, 0.64042265, 0.10490012})
        EXPECT_NEAR(normal(), expected, 5e-9);
    constexpr int count = 1000000;
    double sum = 0, squares = 0;
    int beyond_tail = 0;
    for (int i = 0; i < count; ++i) {
        const double x = normal();
        sum += x;
        squares += x * x;
        beyond_tail += std::abs(x) > 3.6541528853610088;
    }
    // Five standard errors each.
    EXPECT_NEAR(sum / count, 0, 5 / std::sqrt(count));
    EXPECT_NEAR(squares / count, 1, 5 * std::sqrt(2.0 / count));
    const double expected_beyond = count * std::erfc(3.6541528853610088 / std::sqrt(2.0));
    EXPECT_NEAR(beyond_tail, expected_beyond, 5 * std::sqrt(expected_beyond));
}

}  // namespace
}  // namespace whence::superpixel
