#include "whence/anchors/anchors.h"
#include "whence/anchors/columns.h"
#include "whence/anchors/tabular_sampler.h"
#include "whence/core/error.h"

namespace whence {

using namespace anchors;  // the helpers of this folder

std::shared_ptr<const BackgroundTable> anchors::read_background(Schema schema, Tensor rows,
                                                                Discretizer discretizer,
                                                                std::span<const int64_t> labels) {
    return std::make_shared<const BackgroundTable>(std::move(schema), std::move(rows), discretizer,
                                                   labels);
}

AnchorTabular::AnchorTabular(const Model& model, Schema schema, Tensor background,
                             AnchorTabularOptions options)
    : model_(model),
      options_(std::move(options)),
      table_(read_background(std::move(schema), std::move(background), options_.discretizer,
                             options_.background_labels)) {
    check(options_.search);
}

AnchorTabular::AnchorTabular(const Model& model, std::shared_ptr<const BackgroundTable> table,
                             AnchorTabularOptions options)
    : model_(model), options_(std::move(options)), table_(std::move(table)) {
    check(options_.search);
}

AnchorTabular::~AnchorTabular() = default;

Explanation AnchorTabular::explain(const Batch& input, const Target& target, const Run& run) const {
    const Schema& schema = table_->schema();
    const std::vector<double> row = row_of(input, schema);
    const TabularSampler sampler(*table_, row, options_.search.coverage_samples, run.seed);
    Explanation explanation =
        anchors::explain(model_, sampler, input, target, options_.search, run);
    explanation.attribution = columns_named(*explanation.rule, schema, row);
    explanation.target.baseline =
        "rows of the background; columns that break the rule drawn anew from it";
    explanation.provenance.options.push_back(
        {"discretizer", std::string(name(options_.discretizer))});
    return explanation;
}

}  // namespace whence
