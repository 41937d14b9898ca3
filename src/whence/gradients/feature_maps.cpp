#include "whence/gradients/feature_maps.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/gradients/explained_input.h"

namespace whence::gradients {

FeatureMaps::FeatureMaps(const Tensor& features, const std::string& layer) {
    const Shape& shape = features.shape();
    if (shape.size() != 4 || shape[0] != 1 || features.size() == 0)
        throw Error(ErrorKind::unsupported,
                    "layer '" + printable(layer) + "' has shape " + to_string(shape) +
                        "; a class activation map needs [1, channels, height, width]: choose a "
                        "convolution's output (whence info --layers)");
    channels = shape[1], height = shape[2], width = shape[3];
    values = features.to_doubles();
}

std::vector<double> weighted_sum(const FeatureMaps& features, std::span<const double> weights) {
    std::vector<double> map(static_cast<size_t>(features.positions()), 0.0);
    for (int64_t k = 0; k < features.channels; ++k) {
        const std::span<const double> plane = features.plane(k);
        const double weight = weights[static_cast<size_t>(k)];
        for (size_t p = 0; p < map.size(); ++p) map[p] += weight * plane[p];
    }
    return map;
}

Explanation map_explanation(const char* method, const std::string& layer, const LayerPass& pass,
                            std::span<const double> map, int64_t height, int64_t width,
                            const Run& run) {
    Explanation explanation;
    explanation.attribution.values =
        attribution_tensor(map, Tensor(pass.values.at(0).type(), {1, 1, height, width}));
    explanation.attribution.layer = layer;
    explanation.target = {.resolved = pass.target, .value = pass.value};
    fill_common(explanation, method, {}, run);
    explanation.provenance.options = {{"layer", layer}};
    explanation.provenance.evaluations = pass.evaluations;
    explanation.provenance.gradient_evaluations = pass.gradient_evaluations;
    return explanation;
}

void compare_with_zero_features(Explanation& explanation, const AboveLayer& above,
                                const LayerPass& pass, const Run& run) {
    const std::string& layer = explanation.attribution.layer;
    const Tensor& features = pass.values.at(0);
    Batch zero = above.input();
    zero[0].value = Tensor(features.type(), features.shape());
    explanation.target.baseline = "zero features at " + layer;
    explanation.target.baseline_value = forward_targets(
        above.model(), pass.target, zero, 1, [](int64_t, Batch&) {}, "zero features", run)[0];
    ++explanation.provenance.evaluations;
    if (above.bypassed())
        explanation.diagnostics.notes.push_back(
            "something bypasses layer '" + printable(layer) +
            "': f(baseline) has zero features there and the input's own elsewhere");
    state_attribution_error(explanation);
}

void compare_with_zero_features(Explanation& explanation, const DifferentiableModel& model,
                                const Batch& input, const LayerPass& pass, const Run& run) {
    const std::string& layer = explanation.attribution.layer;
    explanation.target.baseline = "zero features at " + layer;
    try {
        const AboveLayer above(model, layer, input, pass.values.at(0));
        compare_with_zero_features(explanation, above, pass, run);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::unsupported && error.kind() != ErrorKind::model) throw;
        explanation.diagnostics.no_error_because =
            std::string("the model cannot be asked with zero features there: ") + error.what();
    }
}

}  // namespace whence::gradients
