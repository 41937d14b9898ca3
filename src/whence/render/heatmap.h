#pragma once
// Explanations of images as pictures.

#include <cstddef>
#include <string>
#include <vector>

#include "whence/core/explanation.h"
#include "whence/render/chart.h"
#include "whence/render/picture.h"

namespace whence::render {

/// How strongly colour covers the photograph.
enum class Blend {
    magnitude,  ///< the larger |value|, the stronger: what does not matter stays visible and grey
    half,       ///< everywhere the same
};

struct FigureOptions {
    Format format = Format::png;
    double scale = 2;        ///< PNG: pixels per unit (1/96 inch)
    double percentile = 99;  ///< of |value|: where the colours end
    Blend blend = Blend::magnitude;
    const Tensor* original = nullptr;  ///< the whole photograph, where the model saw less of it
    std::string note;                  ///< one more line below
};

/// Photograph, heat map and overlay side by side with a colour bar and the facts. `image` is what
/// the model saw: [1, H, W, C] or [1, C, H, W] in [0, 1]. Pixels are enlarged, never smoothed; the
/// coarse map of a layer is enlarged smoothly, and a line says so.
/// Throws Error(usage) if the explanation is not of an image, Error(input) if `image` is none.
[[nodiscard]] std::vector<std::byte> image_figure(const Explanation& explanation,
                                                  const Tensor& image,
                                                  const FigureOptions& options = {});

/// The heat map alone, one pixel for each value, colours ending at color_limit().
[[nodiscard]] Picture heat_map(const Explanation& explanation, double percentile = 99);

/// The heat map over the greyed photograph, in the photograph's size; superpixels with their
/// boundaries.
[[nodiscard]] Picture overlay(const Explanation& explanation, const Tensor& image,
                              Blend blend = Blend::magnitude, double percentile = 99);

}  // namespace whence::render
