#include <algorithm>

#include "whence/anchors/anchors.h"
#include "whence/anchors/image_sampler.h"
#include "whence/core/error.h"
#include "whence/perturb/explained_rows.h"

namespace whence {
namespace {

// 1 for the superpixels that the rule names, 0 for the others.
Attribution segments_named(const Rule& rule, const Tensor& segments, int64_t players) {
    Attribution attribution;
    attribution.values = Tensor(ElementType::float64, {players});
    for (const Rule::Condition& condition : rule.conditions)
        attribution.values.as<double>()[condition.feature] = 1;
    attribution.segments = segments;
    return attribution;
}

}  // namespace

AnchorImage::AnchorImage(const Model& model, Tensor segments, AnchorImageOptions options)
    : model_(model), segments_(renumbered(segments)), options_(std::move(options)) {
    players_ = *std::ranges::max_element(segments_.as<int32_t>()) + 1;
    anchors::check(options_.search);
}

Explanation AnchorImage::explain(const Batch& input, const Target& target, const Run& run) const {
    const NamedTensor& image = perturb::explained_tensor(input);
    const LabelMasker masker(image.name, image.value,
                             options_.hide ? baseline_values(*options_.hide, image.value, run)
                                           : superpixel_means(image.value, segments_),
                             pixel_labels(image.value, segments_));
    const anchors::ImageSampler sampler(masker, run.seed);
    Explanation explanation =
        anchors::explain(model_, sampler, input, target, options_.search, run);
    explanation.attribution = segments_named(*explanation.rule, segments_, players_);
    const std::string hidden = options_.hide ? describe(*options_.hide) : "superpixel-mean";
    explanation.target.baseline = hidden;
    explanation.provenance.options.push_back({"hide", hidden});
    perturb::fill_common(explanation, "anchors", input, run);
    return explanation;
}

}  // namespace whence
