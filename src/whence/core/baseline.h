#pragma once
// What "absent" means. Values are in the user's space: pixels in [0, 1], columns as they stand.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "whence/core/run.h"
#include "whence/core/tensor.h"

namespace whence {

namespace baseline {
struct Zeros {};                         ///< 0 everywhere: a black image
struct Value { double value = 0; };      ///< one number everywhere
struct Mean {};                          ///< image: its own mean colour; table: needs Data from a background
struct Blur { double sigma = 10; };      ///< the image under a Gaussian, edges repeated
struct Noise { double low = 0, high = 1; };  ///< uniform, from the run's seed
struct Gaussian { double sigma = 0.5; };     ///< the input itself plus normal noise, from the run's seed
struct Data { Tensor values; std::string description; };  ///< given: one row of the input's shape
}  // namespace baseline

using Baseline = std::variant<baseline::Zeros, baseline::Value, baseline::Mean, baseline::Blur,
                              baseline::Noise, baseline::Gaussian, baseline::Data>;

/// The name that the command line, Python and JSON use: "zeros", "value:0.5", "mean", "blur:10",
/// "noise:0:1", "gaussian:0.5", or the description of the data.
[[nodiscard]] std::string describe(const Baseline& baseline);

/// The inverse of describe for everything but Data. Throws Error(usage) naming the choices.
[[nodiscard]] Baseline parse_baseline(std::string_view text);

/// The baseline for this input: same type and shape (one row). Throws Error(usage) where the kind
/// needs an image and the input is none, Error(input) where given data have another shape.
[[nodiscard]] Tensor baseline_values(const Baseline& baseline, const Tensor& input, const Run& run);

/// Where height, width and channels stand in the shape of a batch of images; none if it is not one.
/// 4-D with 1, 3 or 4 channels second (channels first) or last (channels last).
struct ImageAxes {
    int height, width, channels;
};
[[nodiscard]] std::optional<ImageAxes> image_axes(std::span<const int64_t> shape);

}  // namespace whence
