#include "whence/perturb/masked_lime.h"

#include <chrono>

#include "whence/core/version.h"
#include "whence/perturb/explained_rows.h"

namespace whence::perturb {
namespace {

std::unique_ptr<Neighbourhood> samples_of(const MaskedLime& lime, uint64_t seed) {
    if (lime.scheme == LimeScheme::compatible)
        return std::make_unique<CompatibleMaskedSamples>(lime.masker, lime.kernel, lime.removal,
                                                         seed);
    return std::make_unique<StableMaskedSamples>(lime.masker, lime.kernel, lime.removal, seed);
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

// A test asks whether a player is there: below 1/2 it is not.
Rule::Condition describe(const Condition& test, const std::vector<std::string>& names) {
    const std::string name = names.empty()
                                 ? std::string(Rule::Condition::segment) + std::to_string(test.feature)
                                 : "\"" + names[test.feature] + "\"";
    return {test.feature, name + std::string(test.low > 0 ? Rule::Condition::is_there
                                                          : Rule::Condition::is_missing)};
}

}  // namespace

Explanation MaskedLime::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    run.check();
    Evaluator evaluator(model, resolve(target, model, input, Scale::probability, run), run);
    const std::vector<double> values = with_all_and_none(evaluator, input, masker);
    const LocalFit found =
        fit_around(evaluator, input, *samples_of(*this, run.seed), fit, masker.names());

    Explanation explanation;
    explanation.attribution = attribution_of(found, masker);
    explanation.local_rules =
        local_rules(found, [&](const Condition& test) { return describe(test, masker.names()); });
    explanation.target = {.resolved = evaluator.target(),
                          .value = values[0],
                          .baseline = hidden,
                          .baseline_value = values[1]};
    explanation.diagnostics.notes.push_back(
        std::to_string(masker.players()) + " " + noun + ", " + std::to_string(found.samples) +
        " samples, scheme " + std::string(name(scheme)));
    describe_fit(explanation, found, fit.local_model);
    Provenance& provenance = explanation.provenance;
    provenance.method = "lime";
    provenance.seed = run.seed;
    provenance.version = version();
    provenance.options = describe_options(fit, kernel, scheme);
    provenance.evaluations = evaluator.evaluations() + (target.index ? 0 : 1);
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence::perturb
