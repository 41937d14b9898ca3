#include "whence/gradients/cam.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "whence/core/bilinear.h"
#include "whence/core/error.h"
#include "whence/gradients/feature_maps.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

using Plane = std::span<const double>;

double sum(Plane plane) {
    return std::accumulate(plane.begin(), plane.end(), 0.0);
}

double mean_gradient(Plane gradients) {
    return sum(gradients) / static_cast<double>(gradients.size());
}

double positive_influence(Plane features, Plane gradients) {
    constexpr double epsilon = 1e-6;
    const double total = sum(features);
    double weight = 0;
    for (const double g : gradients) {
        const double below = 2 * g * g + total * g * g * g + epsilon;
        if (g > 0 && below != 0) weight += g * g / below * g;
    }
    return weight;
}

double mean_gradient_by_features(Plane features, Plane gradients) {
    constexpr double epsilon = 1e-7;
    const double weighed =
        std::inner_product(features.begin(), features.end(), gradients.begin(), 0.0);
    return weighed / (sum(features) + epsilon);
}

struct Map {
    int64_t height = 0, width = 0;
    std::vector<double> values;
};

Map weighed_map(CamWeights kind, const FeatureMaps& features, const FeatureMaps& gradients) {
    const auto size = static_cast<size_t>(features.positions());
    Map map{features.height, features.width, std::vector<double>(size, 0.0)};
    std::vector<double> weights(size);
    for (int64_t k = 0; k < features.channels; ++k) {
        const Plane plane = features.plane(k);
        cam_weights(kind, plane, gradients.plane(k), weights);
        for (size_t p = 0; p < size; ++p) map.values[p] += weights[p] * plane[p];
    }
    return map;
}

// The positive part between 0 and 1, in the size of the finest map, shallow maps brought up by
// tanh.
std::vector<double> made_comparable(Map map, int64_t height, int64_t width) {
    constexpr double gamma = 2;
    const double largest = *std::ranges::max_element(map.values);
    for (double& value : map.values) value = largest > 0 ? std::max(0.0, value) / largest : 0.0;
    std::vector<double> out = bilinear(map.values, map.height, map.width, height, width);
    for (double& value : out) value = std::tanh(gamma * value);
    return out;
}

Map fused(const std::vector<Map>& maps) {
    const Map& finest =
        *std::ranges::max_element(maps, {}, [](const Map& map) { return map.height * map.width; });
    Map out{finest.height, finest.width, std::vector<double>(finest.values.size(), 0.0)};
    for (const Map& map : maps) {
        const std::vector<double> values = made_comparable(map, out.height, out.width);
        for (size_t p = 0; p < values.size(); ++p)
            out.values[p] = std::max(out.values[p], values[p]);
    }
    return out;
}

bool is_zero(const Tensor& tensor) {
    return std::ranges::all_of(tensor.to_doubles(), [](double value) { return value == 0; });
}

}  // namespace

const char* name(CamWeights weights) {
    switch (weights) {
        case CamWeights::grad_cam:
            return "grad-cam";
        case CamWeights::grad_cam_plus_plus:
            return "grad-cam++";
        case CamWeights::xgrad_cam:
            return "xgrad-cam";
        case CamWeights::hires_cam:
            return "hires-cam";
        case CamWeights::layer_cam:
            return "layer-cam";
    }
    return "?";
}

void cam_weights(CamWeights kind, std::span<const double> features,
                 std::span<const double> gradients, std::span<double> weights) {
    switch (kind) {
        case CamWeights::grad_cam:
            std::ranges::fill(weights, mean_gradient(gradients));
            break;
        case CamWeights::grad_cam_plus_plus:
            std::ranges::fill(weights, positive_influence(features, gradients));
            break;
        case CamWeights::xgrad_cam:
            std::ranges::fill(weights, mean_gradient_by_features(features, gradients));
            break;
        case CamWeights::hires_cam:
            std::ranges::copy(gradients, weights.begin());
            break;
        case CamWeights::layer_cam:
            std::ranges::transform(gradients, weights.begin(),
                                   [](double g) { return std::max(0.0, g); });
            break;
    }
}

Cam::Cam(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.layer.empty())
        throw Error(ErrorKind::usage,
                    std::string(whence::name(options_.weights)) + " needs a layer");
}

Explanation Cam::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const char* method = whence::name(options_.weights);
    std::vector<std::string> layers = {options_.layer};
    layers.insert(layers.end(), options_.fuse.begin(), options_.fuse.end());
    const LayerPass pass =
        pass_through(model_, input, target, layers, With::values_and_gradients, run);
    run.report(method, 1, 2);
    std::vector<Map> maps;
    for (size_t i = 0; i < layers.size(); ++i)
        maps.push_back(weighed_map(options_.weights, FeatureMaps(pass.values[i], layers[i]),
                                   FeatureMaps(pass.gradients[i], layers[i])));
    const Map map = maps.size() == 1 ? maps[0] : fused(maps);

    Explanation explanation =
        map_explanation(method, layers[0], pass, map.values, map.height, map.width, run);
    for (size_t i = 0; i < layers.size(); ++i)
        if (is_zero(pass.gradients[i]))
            explanation.diagnostics.notes.push_back(
                "the gradient at layer '" + printable(layers[i]) +
                "' is zero everywhere: the target does not depend on it for this input; choose "
                "another layer");
    if (maps.size() == 1) {
        compare_with_zero_features(explanation, model_, input, pass, run);
    } else {
        explanation.target.baseline = "zero features at every layer";
        explanation.diagnostics.no_error_because =
            "each layer's map is scaled on its own before the largest is taken";
    }
    run.report(method, 2, 2);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
