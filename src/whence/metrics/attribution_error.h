#pragma once
// Attribution errors over a data set.

#include <cstdint>
#include <span>

#include "whence/core/explanation.h"

namespace whence::metrics {

/// Of E = sum of values - (f(x) - f(baseline)) as explanations state it.
struct ErrorSummary {
    int64_t explanations = 0;
    int64_t stated = 0;  ///< with an attribution error; the others claim no completeness
    int64_t relative_stated =
        0;  ///< with a relative error; elsewhere the baseline does not separate
    /// Over those stated; NaN where there are none.
    double mean_absolute = 0, median_absolute = 0, largest_absolute = 0;
    double mean = 0;  ///< with sign: not 0 means too much, or too little, is given out
    double root_mean_square = 0;
    double mean_relative = 0, median_relative = 0, largest_relative = 0;
    /// Share of the relative errors that are at most `tolerance`.
    double within_tolerance = 0;
    double tolerance = 0;
};

/// Lower is better, 0 best. Means are moved by single explanations whose f(x) - f(baseline) is
/// small: read the median. Methods without a claim to completeness are counted, not judged. Throws
/// Error(usage) for a negative tolerance, Error(input) for an error that is not a finite number.
[[nodiscard]] ErrorSummary attribution_errors(std::span<const Explanation> explanations,
                                              double tolerance = 0.01);

}  // namespace whence::metrics
