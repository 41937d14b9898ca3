#include <algorithm>
#include <chrono>

#include "whence/core/error.h"
#include "whence/perturb/explained_rows.h"
#include "whence/perturb/image_samples.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/local_fit.h"

namespace whence {
namespace {

using namespace perturb;  // the helpers of this folder

FitOptions fit_options(const LimeImageOptions& o) {
    return {o.num_samples, o.num_features, o.ridge, o.feature_selection, o.settle_top};
}

std::unique_ptr<Neighbourhood> samples_of(const Masker& masker, const LimeImageOptions& options,
                                          uint64_t seed) {
    if (options.scheme == LimeScheme::compatible)
        return std::make_unique<CompatibleImageSamples>(masker, options.kernel_width, seed);
    return std::make_unique<StableImageSamples>(masker, options.kernel_width, seed);
}

Attribution attribution_of(const LocalFit& fit, const Tensor& segments, int64_t players) {
    Attribution attribution;
    attribution.values = Tensor(ElementType::float64, {players});
    attribution.segments = segments;
    attribution.standard_errors.assign(fit.standard_errors.empty() ? 0 : players, 0.0);
    for (size_t i = 0; i < fit.surrogate.features.size(); ++i) {
        const int32_t player = fit.surrogate.features[i];
        attribution.values.as<double>()[player] = fit.surrogate.coefficients[i];
        if (!fit.standard_errors.empty())
            attribution.standard_errors[player] = fit.standard_errors[i];
    }
    return attribution;
}

}  // namespace

LimeImage::LimeImage(const Model& model, Tensor segments, LimeImageOptions options)
    : model_(model), segments_(renumbered(segments)), options_(std::move(options)) {
    players_ = *std::ranges::max_element(segments_.as<int32_t>()) + 1;
    check(fit_options(options_), options_.kernel_width);
}

Explanation LimeImage::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    run.check();
    const NamedTensor& image = explained_tensor(input);
    const LabelMasker masker(image.name, image.value,
                             options_.hide ? baseline_values(*options_.hide, image.value, run)
                                           : superpixel_means(image.value, segments_),
                             pixel_labels(image.value, segments_));
    Evaluator evaluator(model_, resolve(target, model_, input, Scale::probability, run), run);
    const std::vector<double> values = with_all_and_none(evaluator, input, masker);
    const auto samples = samples_of(masker, options_, run.seed);
    const LocalFit fit = fit_around(evaluator, input, *samples, fit_options(options_));

    Explanation explanation;
    explanation.attribution = attribution_of(fit, segments_, players_);
    const std::string hidden = options_.hide ? describe(*options_.hide) : "superpixel-mean";
    explanation.target = {.resolved = evaluator.target(),
                          .value = values[0],
                          .baseline = hidden,
                          .baseline_value = values[1]};
    fill_common(explanation, "lime", input, run);
    explanation.diagnostics.notes.push_back(std::to_string(players_) + " segments, " +
                                            std::to_string(fit.samples) + " samples, scheme " +
                                            std::string(name(options_.scheme)));
    describe_fit(explanation, fit, *samples);
    Provenance& provenance = explanation.provenance;
    provenance.options =
        describe_options(fit_options(options_), options_.kernel_width, options_.scheme);
    provenance.options.push_back({"hide", hidden});
    provenance.evaluations = evaluator.evaluations() + (target.index ? 0 : 1);
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
