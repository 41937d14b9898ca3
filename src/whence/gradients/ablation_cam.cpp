#include "whence/gradients/ablation_cam.h"

#include <algorithm>
#include <chrono>

#include "whence/core/error.h"
#include "whence/gradients/feature_maps.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

AblationCam::AblationCam(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.layer.empty()) throw Error(ErrorKind::usage, "ablation-cam needs a layer");
}

Explanation AblationCam::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const LayerPass pass = pass_through(model_, input, target, {options_.layer}, With::values, run);
    const FeatureMaps features(pass.values[0], options_.layer);
    if (pass.value == 0)
        throw Error(ErrorKind::unsupported,
                    "ablation-cam divides by the score, which is zero; choose another target");
    const AboveLayer above(model_, options_.layer, input, pass.values[0]);
    const size_t plane =
        static_cast<size_t>(features.positions()) * element_size(pass.values[0].type());
    const auto fill = [&](int64_t first, Batch& batch) {
        Tensor& rows = batch[0].value;
        const size_t row_bytes = pass.values[0].bytes();
        for (int64_t row = 0; row < batch.rows(); ++row) {
            std::byte* to = rows.data() + static_cast<size_t>(row) * row_bytes;
            std::copy_n(pass.values[0].data(), row_bytes, to);
            std::fill_n(to + static_cast<size_t>(first + row) * plane, plane, std::byte{0});
        }
    };
    std::vector<double> weights = forward_targets(above.model(), pass.target, above.input(),
                                                  features.channels, fill, "ablation-cam", run);
    for (double& weight : weights) weight = (pass.value - weight) / pass.value;

    Explanation explanation =
        map_explanation("ablation-cam", options_.layer, pass, weighted_sum(features, weights),
                        features.height, features.width, run);
    explanation.provenance.evaluations += features.channels;
    compare_with_zero_features(explanation, above, pass, run);
    explanation.diagnostics.notes.push_back(
        "the weights are shares of the score: the map does not claim to add up to it");
    if (pass.value < 0)
        explanation.diagnostics.notes.push_back(
            "the score is negative, so the method's division by it turns the signs: positive "
            "places lower the score");
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
