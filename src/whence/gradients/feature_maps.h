#pragma once
// The features of a layer as planes over a picture, and what every class activation map does alike.

#include <span>
#include <string>
#include <vector>

#include "whence/gradients/layer_pass.h"

namespace whence::gradients {

/// [1, channels, height, width] in double.
struct FeatureMaps {
    int64_t channels = 0, height = 0, width = 0;
    std::vector<double> values;

    /// Throws Error(unsupported) for features that do not lie over a picture.
    FeatureMaps(const Tensor& features, const std::string& layer);
    [[nodiscard]] int64_t positions() const { return height * width; }
    [[nodiscard]] std::span<const double> plane(int64_t channel) const {
        return std::span(values).subspan(static_cast<size_t>(channel * positions()),
                                         static_cast<size_t>(positions()));
    }
};

/// sum_k weights[k] * A^k.
[[nodiscard]] std::vector<double> weighted_sum(const FeatureMaps& features,
                                               std::span<const double> weights);

/// A map [height, width] of a layer as an explanation: signed, before any ReLU, normalisation or
/// resizing. Completeness is left to the caller.
[[nodiscard]] Explanation map_explanation(const char* method, const std::string& layer,
                                          const LayerPass& pass, std::span<const double> map,
                                          int64_t height, int64_t width, const Run& run);

/// States the attribution error against the baseline that a class activation map implies, zero
/// features at its layer: the sum of the map should be h(z) - h(0), where h is the part of the
/// model above the layer. Where the model cannot be cut there, says why there is no error.
void compare_with_zero_features(Explanation& explanation, const DifferentiableModel& model,
                                const Batch& input, const LayerPass& pass, const Run& run);
/// The same with a part that is at hand.
void compare_with_zero_features(Explanation& explanation, const AboveLayer& above,
                                const LayerPass& pass, const Run& run);

}  // namespace whence::gradients
