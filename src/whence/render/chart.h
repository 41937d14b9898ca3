#pragma once
// Bar charts of weights, drawn once for PNG and SVG.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "whence/core/explanation.h"

namespace whence::render {

enum class Format { png, svg };

struct ChartOptions {
    Format format = Format::png;
    int64_t top = 10;    ///< features shown (at most 200); the rest is summed in one line
    double width = 720;  ///< in units of 1/96 inch
    double scale = 2;    ///< PNG: pixels per unit
};

/// What the model predicts for a class.
struct ClassScore {
    std::string name;
    double probability = 0;
};

/// Horizontal bars sorted by |weight|: orange to the right speaks for the target, blue to the left
/// against; whiskers are one standard error. The facts stand above, remarks below.
[[nodiscard]] std::vector<std::byte> weight_chart(const Explanation& explanation,
                                                  const ChartOptions& options = {});

/// The view LIME users know: predicted probabilities at the left (if any are given), bars in the
/// middle, each feature with its value at the right.
[[nodiscard]] std::vector<std::byte> weight_table(const Explanation& explanation,
                                                  const std::vector<ClassScore>& scores,
                                                  const ChartOptions& options = {});

}  // namespace whence::render
