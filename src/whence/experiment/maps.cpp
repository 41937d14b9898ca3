#include "whence/experiment/maps.h"

#include <numeric>

#include "whence/core/error.h"
#include "whence/gradients/deep_lift.h"
#include "whence/gradients/expected_gradients.h"
#include "whence/mask/masked_game.h"
#include "whence/mask/segmentation.h"

namespace whence::experiment {
namespace {

Target probability_of(int64_t index) {
    return {.index = index, .scale = Scale::probability};
}

Tensor hidden(Hide hide, const Tensor& image, const Tensor& segments, const Tensor& training_mean) {
    switch (hide) {
        case Hide::superpixel_mean:
            return superpixel_means(image, segments);
        case Hide::training_mean:
            return training_mean;
        case Hide::black:
            return {image.type(), image.shape()};
    }
    throw Error(ErrorKind::internal, "a way to hide superpixels that is none");
}

}  // namespace

std::vector<double> Map::pixels() const {
    std::vector<double> out(pieces.size());
    for (size_t i = 0; i < pieces.size(); ++i) out[i] = values[pieces[i]];
    return out;
}

Mapper::Mapper(const MethodSpec& method, const Tensor& training_mean, const Tensor& background,
               uint64_t seed)
    : method_(method), training_mean_(training_mean), background_(background), seed_(seed) {}

std::vector<Map> Mapper::explain(const Subject& subject, std::span<const Tensor* const> images,
                                 std::span<const int64_t> classes, const Run& run) {
    Run own = run;
    own.seed = seed_;
    std::vector<Map> out;
    for (size_t i = 0; i < images.size(); ++i) {
        run.check();
        out.push_back(experiment::over_superpixels(method_.kind)
                          ? over_superpixels(subject, *images[i], classes[i], own)
                          : over_pixels(subject, *images[i], classes[i], own));
    }
    return out;
}

const Tensor& Mapper::segments_of(const Tensor& image, const Run& run) {
    const auto known = segments_.find(&image);
    if (known != segments_.end()) return known->second;
    return segments_[&image] = segment(image, parse_segmentation(method_.segmentation), run);
}

const Estimator& Mapper::estimator(int64_t players) {
    const auto known = estimators_.find(players);
    if (known != estimators_.end()) return known->second;
    return estimators_[players] =
               method_.kind == Kind::lime
                   ? lime_estimator(players, method_.samples, method_.kernel_width, seed_)
                   : kernel_shap_estimator(players, method_.samples, seed_);
}

Map Mapper::over_superpixels(const Subject& subject, const Tensor& image, int64_t target,
                             const Run& run) {
    const Tensor& segments = segments_of(image, run);
    const Estimator& fit = estimator(segment_count(segments));
    const Batch input(image);
    const ResolvedTarget wanted =
        resolve(probability_of(target), subject.model, input, Scale::probability, run);
    const LabelMasker masker(subject.model.inputs()[0].name, image,
                             hidden(method_.hide, image, segments, training_mean_),
                             pixel_labels(image, segments));
    MaskedGame game(subject.model, wanted, masker, input);
    std::unique_ptr<MaskedScores> scores;
    if (subject.direct) scores = subject.direct->over(masker, wanted.output);
    if (scores) game.use(*scores, run);
    const std::vector<double> answers = game.values(fit.view(), run);
    const auto labels = segments.as<int32_t>();
    Map map{.values = fit.values({answers.data(), 1, std::ssize(answers)}),
            .pieces = {labels.begin(), labels.end()}};
    map.attribution_error = std::accumulate(map.values.begin(), map.values.end(), 0.0) -
                            (answers[fit.everybody] - answers[fit.nobody]);
    return map;
}

Map Mapper::over_pixels(const Subject& subject, const Tensor& image, int64_t target,
                        const Run& run) {
    const std::string what = std::to_string(background_.rows()) + " training pictures";
    const Target wanted = probability_of(target);
    const Explanation explanation =
        method_.kind == Kind::deep_shap
            ? DeepShap(subject.model, background_, what).explain(Batch(image), wanted, run)
            : ExpectedGradients(subject.model, background_, what, {.samples = method_.samples})
                  .explain(Batch(image), wanted, run);
    const std::vector<double> values = explanation.attribution.values.to_doubles();
    const int64_t channels = image.shape()[3], pixels = image.size() / channels;
    if (std::ssize(values) != image.size())
        throw Error(ErrorKind::internal, "a map of pixels of another size than its picture");
    Map map{.values = std::vector<double>(pixels), .pieces = std::vector<int32_t>(pixels)};
    std::iota(map.pieces.begin(), map.pieces.end(), 0);
    for (int64_t p = 0; p < pixels; ++p)
        for (int64_t c = 0; c < channels; ++c) map.values[p] += values[p * channels + c];
    map.attribution_error = explanation.diagnostics.attribution_error.value();
    return map;
}

}  // namespace whence::experiment
