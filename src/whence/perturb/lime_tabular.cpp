#include <algorithm>
#include <chrono>
#include <cmath>

#include "whence/core/error.h"
#include "whence/perturb/explained_rows.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/local_fit.h"
#include "whence/perturb/tabular_samples.h"

namespace whence {
namespace {

using namespace perturb;  // the helpers of this folder

Kernel kernel_of(const LimeTabularOptions& options, const TabularSpace& space) {
    const auto features = static_cast<double>(space.columns().size());
    return {options.distance, options.kernel_width.value_or(0.75 * std::sqrt(features)), 1,
            options.kernel};
}

std::unique_ptr<Neighbourhood> samples_of(const TabularSpace& space, const std::string& input_name,
                                          std::span<const double> row,
                                          const LimeTabularOptions& options, uint64_t seed) {
    const Kernel kernel = kernel_of(options, space);
    if (options.scheme == LimeScheme::compatible)
        return std::make_unique<CompatibleTabularSamples>(
            space, input_name, row, options.sample_around_instance, kernel, seed,
            options.num_samples, options.sampling);
    return std::make_unique<StableTabularSamples>(space, input_name, row,
                                                  options.sample_around_instance, kernel, seed,
                                                  options.num_samples, options.sampling);
}

Attribution attribution_of(const LocalFit& fit, const TabularSpace& space,
                           std::span<const double> row) {
    Attribution attribution;
    attribution.values = Tensor::of<double>({static_cast<int64_t>(fit.surrogate.features.size())},
                                            fit.surrogate.coefficients);
    attribution.standard_errors = fit.standard_errors;
    for (const int32_t feature : fit.surrogate.features) {
        attribution.names.push_back(space.describe(feature, row));
        attribution.displays.push_back(space.display(feature, row));
        attribution.columns.push_back(space.name(feature));
    }
    return attribution;
}

// A test of a bin or category asks whether it is the input's; of a number how many deviations it is
// from the mean.
Rule::Condition describe(const Condition& test, const LocalFit& fit, const TabularSpace& space,
                         std::span<const double> row) {
    const std::vector<int32_t>& kept = fit.surrogate.features;
    const int64_t place = std::ranges::find(kept, test.feature) - kept.begin();
    const Column& column = space.columns()[test.feature];
    if (column.discrete()) {
        const std::string here = space.describe(test.feature, row);
        return {place, test.low > 0 ? here : "not (" + here + ")"};
    }
    Condition in_units = test;
    in_units.feature = column.columns[0];
    in_units.low = column.mean + column.scale * test.low;
    in_units.high = column.mean + column.scale * test.high;
    in_units.missing = false;
    return {place, to_text(in_units, space.schema())};
}

void note_unseen(Explanation& explanation, const TabularSpace& space, std::span<const double> row) {
    for (size_t c = 0; c < space.columns().size(); ++c) {
        const Column& column = space.columns()[c];
        if (!column.discrete()) continue;
        const int64_t level = column.level_of(row);
        if (level >= 0 && column.levels[level].frequency > 0) continue;
        explanation.diagnostics.notes.push_back(
            "no background row has " + printable(space.describe(static_cast<int64_t>(c), row)) +
            ": samples never keep it");
    }
}

}  // namespace

std::shared_ptr<const TabularSpace> perturb::read_space(Schema schema, const Tensor& background,
                                                        const LimeTabularOptions& options) {
    return std::make_shared<const TabularSpace>(std::move(schema), background, options);
}

std::shared_ptr<const TabularSpace> perturb::read_space(Schema schema, const TrainingStats& stats) {
    return std::make_shared<const TabularSpace>(std::move(schema), stats);
}

TrainingStats perturb::training_stats(const Schema& schema, const Tensor& background,
                                      const LimeTabularOptions& options) {
    return TabularSpace(schema, background, options).stats();
}

LimeTabular::LimeTabular(const Model& model, Schema schema, Tensor background,
                         LimeTabularOptions options)
    : LimeTabular(model, read_space(std::move(schema), background, options), options) {}

LimeTabular::LimeTabular(const Model& model, std::shared_ptr<const TabularSpace> space,
                         LimeTabularOptions options)
    : model_(model), options_(std::move(options)), space_(std::move(space)) {
    check(fit_options(options_), kernel_of(options_, *space_).width);
}

LimeTabular::~LimeTabular() = default;

Explanation LimeTabular::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    run.check();
    const NamedTensor& explained = explained_tensor(input);
    const std::vector<double> row = explained.value.to_doubles();
    if (row.size() != space_->schema().size())
        throw Error(ErrorKind::input, "the row has " + std::to_string(row.size()) +
                                          " columns, the background " +
                                          std::to_string(space_->schema().size()));
    Evaluator evaluator(model_, resolve(target, model_, input, Scale::probability, run), run);
    const double value = evaluator.scores(input)[0];
    const auto samples = samples_of(*space_, explained.name, row, options_, run.seed);
    std::vector<std::string> names;
    for (size_t feature = 0; feature < space_->columns().size(); ++feature)
        names.push_back(space_->describe(static_cast<int64_t>(feature), row));
    const LocalFit fit = fit_around(evaluator, input, *samples, fit_options(options_), names);

    Explanation explanation;
    explanation.attribution = attribution_of(fit, *space_, row);
    explanation.local_rules = local_rules(
        fit, [&](const Condition& test) { return describe(test, fit, *space_, row); });
    explanation.target = {.resolved = evaluator.target(),
                          .value = value,
                          .baseline = "samples around the row, drawn as the background is spread"};
    fill_common(explanation, "lime", input, run);
    explanation.diagnostics.notes.push_back(std::to_string(row.size()) + " columns, " +
                                            std::to_string(fit.samples) + " samples, scheme " +
                                            std::string(name(options_.scheme)));
    note_unseen(explanation, *space_, row);
    describe_fit(explanation, fit, options_.local_model);
    Provenance& provenance = explanation.provenance;
    provenance.options =
        describe_options(fit_options(options_), kernel_of(options_, *space_), options_.scheme);
    provenance.options.push_back({"sampling", std::string(name(options_.sampling))});
    provenance.options.push_back({"discretizer", std::string(name(options_.discretizer))});
    provenance.options.push_back({"sample-around-instance", options_.sample_around_instance});
    provenance.evaluations = evaluator.evaluations() + (target.index ? 0 : 1);
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
