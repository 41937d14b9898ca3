#include <algorithm>

#include "whence/perturb/explained_rows.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/masked_lime.h"

namespace whence {

using namespace perturb;  // the helpers of this folder

LimeImage::LimeImage(const Model& model, Tensor segments, LimeImageOptions options)
    : model_(model), segments_(renumbered(segments)), options_(std::move(options)) {
    check(fit_options(options_), options_.kernel_width);
}

Explanation LimeImage::explain(const Batch& input, const Target& target, const Run& run) const {
    const NamedTensor& image = explained_tensor(input);
    const LabelMasker masker(image.name, image.value,
                             options_.hide ? baseline_values(*options_.hide, image.value, run)
                                           : superpixel_means(image.value, segments_),
                             pixel_labels(image.value, segments_));
    const std::string hidden = options_.hide ? describe(*options_.hide) : "superpixel-mean";
    Explanation explanation = MaskedLime{.model = model_,
                                         .masker = masker,
                                         .hidden = hidden,
                                         .noun = "segments",
                                         .removal = Removal::coins,
                                         .kernel = {options_.distance, options_.kernel_width, 1, options_.kernel},
                                         .scheme = options_.scheme,
                                         .fit = fit_options(options_)}
                                  .explain(input, target, run);
    explanation.attribution.segments = segments_;
    note_held(explanation, input);
    explanation.provenance.options.push_back({"hide", hidden});
    return explanation;
}

}  // namespace whence
