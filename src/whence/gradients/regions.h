#pragma once
// XRAI's second half: from a number for each pixel and overlapping regions to a ranking of regions.

#include <cstdint>
#include <vector>

#include "whence/core/run.h"

namespace whence::gradients {

/// Pixels by number; regions may overlap.
using Region = std::vector<int32_t>;

/// Pixels divided among the regions that were chosen, in the order of choice.
struct RankedRegions {
    std::vector<int32_t> labels;  ///< of each pixel: index into gains
    std::vector<double> gains;    ///< mean over the pixels that the region added
};

/// Always the region next whose new pixels have the largest mean; regions that would add fewer than
/// `least` pixels (at least one) are dropped, and the pixels left over are a last region. Ties go
/// to the region that comes first.
[[nodiscard]] RankedRegions rank_regions(const std::vector<double>& pixels,
                                         const std::vector<Region>& regions, int64_t least,
                                         const Run& run);

/// The pixels of each label and all within `radius` of one, row by row. `labels`: 0..n-1.
[[nodiscard]] std::vector<Region> dilated_regions(const std::vector<int32_t>& labels,
                                                  int64_t height, int64_t width, int64_t radius);

}  // namespace whence::gradients
