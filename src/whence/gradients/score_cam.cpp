#include "whence/gradients/score_cam.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "whence/core/bilinear.h"
#include "whence/core/error.h"
#include "whence/gradients/explained_input.h"
#include "whence/gradients/feature_maps.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// The picture between its baseline and itself, one mask at a time.
struct MaskedPicture {
    std::vector<double> from, direction;
    int64_t height, width, channels;
    bool channels_last;

    MaskedPicture(const Tensor& picture, const Tensor& baseline) {
        const auto axes = image_axes(picture.shape());
        if (!axes)
            throw Error(ErrorKind::unsupported, "Score-CAM masks pictures; the input has shape " +
                                                    to_string(picture.shape()));
        const auto length = [&](int axis) { return picture.shape()[static_cast<size_t>(axis)]; };
        height = length(axes->height), width = length(axes->width);
        channels = length(axes->channels), channels_last = axes->channels == 3;
        from = baseline.to_doubles(), direction = picture.to_doubles();
        for (size_t i = 0; i < from.size(); ++i) direction[i] -= from[i];
    }

    template <class T>
    void write(std::span<const double> mask, T* row) const {
        for (size_t i = 0; i < from.size(); ++i) {
            const size_t pixel =
                channels_last ? i / static_cast<size_t>(channels) : i % mask.size();
            row[i] = static_cast<T>(from[i] + mask[pixel] * direction[i]);
        }
    }
};

std::vector<double> mask_of(const FeatureMaps& features, int64_t k, int64_t height, int64_t width) {
    std::vector<double> mask =
        bilinear(features.plane(k), features.height, features.width, height, width);
    const auto [least, most] = std::ranges::minmax(mask);
    for (double& value : mask) value = (value - least) / (most - least + 1e-8);
    return mask;
}

std::vector<double> softmax(std::vector<double> scores) {
    const double most = *std::ranges::max_element(scores);
    double total = 0;
    for (double& score : scores) total += score = std::exp(score - most);
    for (double& score : scores) score /= total;
    return scores;
}

}  // namespace

ScoreCam::ScoreCam(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.layer.empty()) throw Error(ErrorKind::usage, "score-cam needs a layer");
}

Explanation ScoreCam::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const ExplainedInput picture = choose_input(model_, input, "");
    const LayerPass pass = pass_through(model_, input, target, {options_.layer}, With::values, run);
    const FeatureMaps features(pass.values[0], options_.layer);
    Batch hidden = input;
    hidden[picture.position].value = baseline_values(options_.baseline, *picture.value, run);
    const MaskedPicture masked(*picture.value, hidden[picture.position].value);
    const auto fill = [&](int64_t first, Batch& batch) {
        Tensor& rows = batch[picture.position].value;
        for (int64_t row = 0; row < batch.rows(); ++row) {
            const std::vector<double> mask =
                mask_of(features, first + row, masked.height, masked.width);
            if (rows.type() == ElementType::float64)
                masked.write(mask, rows.as<double>().data() + row * rows.row_size());
            else
                masked.write(mask, rows.as<float>().data() + row * rows.row_size());
        }
    };
    const std::vector<double> weights = softmax(
        forward_targets(model_, pass.target, input, features.channels, fill, "score-cam", run));

    Explanation explanation =
        map_explanation("score-cam", options_.layer, pass, weighted_sum(features, weights),
                        features.height, features.width, run);
    explanation.provenance.evaluations += features.channels + 1;
    explanation.target.baseline = describe(options_.baseline);
    explanation.target.baseline_value = forward_targets(
        model_, pass.target, hidden, 1, [](int64_t, Batch&) {}, "score-cam", run)[0];
    state_attribution_error(explanation);
    explanation.diagnostics.notes.push_back(
        "the weights are shares that add up to one: the map does not claim to add up to the score");
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
