#include "whence/perturb/lime_text.h"

#include <algorithm>
#include <chrono>

#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/perturb/explained_rows.h"
#include "whence/perturb/image_samples.h"
#include "whence/perturb/local_fit.h"
#include "whence/perturb/text_samples.h"

namespace whence {
namespace {

using namespace perturb;  // the helpers of this folder

FitOptions fit_options(const LimeTextOptions& o) {
    return {o.num_samples, o.num_features, o.ridge, o.feature_selection, o.settle_top};
}

std::unique_ptr<Neighbourhood> samples_of(const Masker& masker, const LimeTextOptions& options,
                                          uint64_t seed) {
    const double width = options.kernel_width / 100;
    if (options.scheme == LimeScheme::compatible)
        return std::make_unique<CompatibleTextSamples>(masker, width, seed);
    return std::make_unique<StableImageSamples>(
        masker, kept_words_distribution(masker.players(), width), seed);
}

Attribution attribution_of(const LocalFit& fit, const Masker& masker) {
    Attribution attribution;
    attribution.values = Tensor(ElementType::float64, {masker.players()});
    attribution.names = masker.names();
    attribution.standard_errors.assign(fit.standard_errors.empty() ? 0 : masker.players(), 0.0);
    for (size_t i = 0; i < fit.surrogate.features.size(); ++i) {
        const int32_t player = fit.surrogate.features[i];
        attribution.values.as<double>()[player] = fit.surrogate.coefficients[i];
        if (!fit.standard_errors.empty())
            attribution.standard_errors[player] = fit.standard_errors[i];
    }
    return attribution;
}

}  // namespace

LimeText::LimeText(const Model& model, const Masker& masker, std::string hidden,
                   LimeTextOptions options)
    : model_(model), masker_(masker), hidden_(std::move(hidden)), options_(options) {
    check(fit_options(options_), options_.kernel_width);
    if (masker.players() == 0) throw Error(ErrorKind::input, "the text has no words to explain");
}

Explanation LimeText::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    run.check();
    Evaluator evaluator(model_, resolve(target, model_, input, Scale::probability, run), run);
    const std::vector<double> values = with_all_and_none(evaluator, input, masker_);
    const auto samples = samples_of(masker_, options_, run.seed);
    const LocalFit fit =
        fit_around(evaluator, input, *samples, fit_options(options_), masker_.names());

    Explanation explanation;
    explanation.attribution = attribution_of(fit, masker_);
    explanation.target = {.resolved = evaluator.target(),
                          .value = values[0],
                          .baseline = hidden_,
                          .baseline_value = values[1]};
    explanation.diagnostics.notes.push_back(std::to_string(masker_.players()) + " words, " +
                                            std::to_string(fit.samples) + " samples, scheme " +
                                            std::string(name(options_.scheme)));
    describe_fit(explanation, fit, *samples);
    Provenance& provenance = explanation.provenance;
    provenance.method = "lime";
    provenance.seed = run.seed;
    provenance.version = version();
    provenance.options =
        describe_options(fit_options(options_), options_.kernel_width, options_.scheme);
    provenance.evaluations = evaluator.evaluations() + (target.index ? 0 : 1);
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
