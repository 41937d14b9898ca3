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

FitOptions fit_options(const LimeTabularOptions& o) {
    return {o.num_samples, o.num_features, o.ridge, o.feature_selection, o.settle_top};
}

double width_of(const LimeTabularOptions& options, size_t columns) {
    return options.kernel_width.value_or(0.75 * std::sqrt(static_cast<double>(columns)));
}

std::unique_ptr<Neighbourhood> samples_of(const TabularSpace& space, const std::string& input_name,
                                          std::span<const double> row,
                                          const LimeTabularOptions& options, uint64_t seed) {
    const double width = width_of(options, row.size());
    if (options.scheme == LimeScheme::compatible)
        return std::make_unique<CompatibleTabularSamples>(
            space, input_name, row, options.sample_around_instance, width, seed);
    return std::make_unique<StableTabularSamples>(
        space, input_name, row, options.sample_around_instance, width, seed, options.num_samples);
}

Attribution attribution_of(const LocalFit& fit, const TabularSpace& space,
                           std::span<const double> row) {
    Attribution attribution;
    attribution.values = Tensor::of<double>({static_cast<int64_t>(fit.surrogate.features.size())},
                                            fit.surrogate.coefficients);
    attribution.standard_errors = fit.standard_errors;
    for (const int32_t column : fit.surrogate.features) {
        attribution.names.push_back(space.describe(column, row[column]));
        attribution.displays.push_back(display(space.schema()[column], row[column]));
    }
    return attribution;
}

void note_unseen(Explanation& explanation, const TabularSpace& space, std::span<const double> row) {
    for (size_t c = 0; c < row.size(); ++c) {
        const Column& column = space.columns()[c];
        if (!column.discrete()) continue;
        const int64_t level = column.level_of(row[c]);
        if (level >= 0 && column.levels[level].frequency > 0) continue;
        explanation.diagnostics.notes.push_back(
            "no background row has " + printable(space.describe(static_cast<int64_t>(c), row[c])) +
            ": samples never keep it");
    }
}

}  // namespace

std::shared_ptr<const TabularSpace> perturb::read_space(Schema schema, const Tensor& background,
                                                        const LimeTabularOptions& options) {
    return std::make_shared<const TabularSpace>(std::move(schema), background, options);
}

LimeTabular::LimeTabular(const Model& model, Schema schema, Tensor background,
                         LimeTabularOptions options)
    : LimeTabular(model, read_space(std::move(schema), background, options), options) {}

LimeTabular::LimeTabular(const Model& model, std::shared_ptr<const TabularSpace> space,
                         LimeTabularOptions options)
    : model_(model), options_(std::move(options)), space_(std::move(space)) {
    check(fit_options(options_), width_of(options_, space_->schema().size()));
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
    for (size_t c = 0; c < row.size(); ++c)
        names.push_back(space_->describe(static_cast<int64_t>(c), row[c]));
    const LocalFit fit = fit_around(evaluator, input, *samples, fit_options(options_), names);

    Explanation explanation;
    explanation.attribution = attribution_of(fit, *space_, row);
    explanation.target = {.resolved = evaluator.target(),
                          .value = value,
                          .baseline = "samples around the row, drawn as the background is spread"};
    fill_common(explanation, "lime", input, run);
    explanation.diagnostics.notes.push_back(std::to_string(row.size()) + " columns, " +
                                            std::to_string(fit.samples) + " samples, scheme " +
                                            std::string(name(options_.scheme)));
    note_unseen(explanation, *space_, row);
    describe_fit(explanation, fit, *samples);
    Provenance& provenance = explanation.provenance;
    provenance.options =
        describe_options(fit_options(options_), width_of(options_, row.size()), options_.scheme);
    provenance.options.push_back({"discretizer", std::string(name(options_.discretizer))});
    provenance.options.push_back({"sample-around-instance", options_.sample_around_instance});
    provenance.evaluations = evaluator.evaluations() + (target.index ? 0 : 1);
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
