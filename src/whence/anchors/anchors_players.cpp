// Anchors of what is there or hidden: superpixels, words.

#include "whence/anchors/anchors.h"
#include "whence/anchors/player_sampler.h"
#include "whence/core/error.h"
#include "whence/perturb/explained_rows.h"

namespace whence {

Explanation anchor_players(const Model& model, const Masker& masker, const std::string& hidden,
                           const AnchorOptions& options, const Batch& input, const Target& target,
                           const Run& run) {
    if (masker.players() == 0) throw Error(ErrorKind::input, "there are no words to explain");
    if (masker.fillings() != 1)
        throw Error(ErrorKind::input, "anchors hide what is missing in one way, not in several");
    Explanation explanation = anchors::explain(model, anchors::PlayerSampler(masker, run.seed),
                                               input, target, options, run);
    Attribution& attribution = explanation.attribution;
    attribution.values = Tensor(ElementType::float64, {masker.players()});
    for (const Rule::Condition& condition : explanation.rule->conditions)
        attribution.values.as<double>()[condition.feature] = 1;
    attribution.names = masker.names();
    explanation.target.baseline = hidden;
    return explanation;
}

AnchorImage::AnchorImage(const Model& model, Tensor segments, AnchorImageOptions options)
    : model_(model), segments_(renumbered(segments)), options_(std::move(options)) {
    anchors::check(options_.search);
}

Explanation AnchorImage::explain(const Batch& input, const Target& target, const Run& run) const {
    const NamedTensor& image = perturb::explained_tensor(input);
    const LabelMasker masker(image.name, image.value,
                             options_.hide ? baseline_values(*options_.hide, image.value, run)
                                           : superpixel_means(image.value, segments_),
                             pixel_labels(image.value, segments_));
    const std::string hidden = options_.hide ? describe(*options_.hide) : "superpixel-mean";
    Explanation explanation =
        anchor_players(model_, masker, hidden, options_.search, input, target, run);
    explanation.attribution.segments = segments_;
    explanation.provenance.options.push_back({"hide", hidden});
    perturb::fill_common(explanation, "anchors", input, run);
    return explanation;
}

}  // namespace whence
