#pragma once
// Cuts an image into superpixels: the players of LIME, KernelSHAP and occlusion on images.
//
// The definitions are scikit-image's (0.26), in double precision, as it computes float64 images.
// Labels number the segments in the order in which they first appear, row by row. Grey images are
// treated as three equal channels, as lime does, so that a picture has the same superpixels
// whichever way it is stored. The result is the same bits for any number of threads.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "whence/core/run.h"
#include "whence/core/tensor.h"

namespace whence {

/// Mode seeking in the space of colour and position (Vedaldi and Soatto 2008, "Quick shift and
/// kernel methods for mode seeking"). The defaults are lime's. Ties are broken by normal noise of
/// 1e-5, the same numbers that scikit-image draws for rng=run.seed. Cost: (6 kernel_size + 1)^2 / 2
/// exponentials a pixel.
struct Quickshift {
    double kernel_size = 4;  ///< width of the Gaussian of the density; larger: fewer segments
    double max_dist = 200;   ///< a pixel further than this from any denser one starts a segment
    double ratio = 0.2;      ///< weight of colour against position
    double sigma = 0;        ///< smoothing before
    bool operator==(const Quickshift&) const = default;
};

/// K-means in the space of colour and position, started on a regular grid (Achanta et al. 2012,
/// "SLIC superpixels compared to state-of-the-art superpixel methods").
struct Slic {
    int segments = 100;       ///< wanted; the result has about as many
    double compactness = 10;  ///< weight of position against colour: larger is squarer
    int iterations = 10;
    double sigma = 0;                  ///< smoothing before
    bool enforce_connectivity = true;  ///< merge small islands, split what is too large
    bool operator==(const Slic&) const = default;
};

/// Greedy merging along the cheapest edges (Felzenszwalb and Huttenlocher 2004, "Efficient
/// graph-based image segmentation"). Edges of equal cost are taken in a fixed order; in
/// scikit-image theirs depends on the processor.
struct Felzenszwalb {
    double scale = 1;  ///< larger: fewer segments
    double sigma = 0.8;
    int min_size = 20;  ///< pixels
    bool operator==(const Felzenszwalb&) const = default;
};

/// Rectangles, as even as possible; at most one row and one column of them per pixel.
struct Grid {
    int rows = 7;
    int columns = 7;
    bool operator==(const Grid&) const = default;
};

using Segmentation = std::variant<Quickshift, Slic, Felzenszwalb, Grid>;

/// Labels 0..n-1 (int32, [H, W], every number used) of an image [H, W, C] or [1, H, W, C] with 1 or
/// 3 channels, float32 or float64 in [0, 1]. Throws Error(input) for another shape or type and for
/// numbers that are not finite, Error(limit) above 2^26 pixels, Error(usage) for senseless options.
[[nodiscard]] Tensor segment(const Tensor& image, const Segmentation& method, const Run& run);

/// Number of segments of labels 0..n-1: the largest label plus one.
[[nodiscard]] int64_t segment_count(const Tensor& labels);

/// "quickshift", "slic:50", "felzenszwalb:100" (its scale), "grid:8x8"; any option by name:
/// "slic:segments=50,compactness=20". Throws Error(usage) naming what exists.
[[nodiscard]] Segmentation parse_segmentation(std::string_view text);

/// Every option by name; parse_segmentation reads it back exactly.
[[nodiscard]] std::string describe(const Segmentation& method);

/// How well two labelings of the same pixels agree, chance taken out: 1 for the same partition,
/// about 0 for unrelated ones (Hubert and Arabie 1985, "Comparing partitions").
[[nodiscard]] double adjusted_rand_index(const Tensor& a, const Tensor& b);

}  // namespace whence
