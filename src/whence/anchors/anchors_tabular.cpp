#include <cmath>

#include "whence/anchors/anchors.h"
#include "whence/anchors/tabular_sampler.h"
#include "whence/core/error.h"

namespace whence {
namespace {

using namespace anchors;  // the helpers of this folder

std::vector<double> row_of(const Batch& input, const Schema& schema) {
    if (input.rows() != 1 || input.size() != 1)
        throw Error(ErrorKind::input, "one row of one table is explained at a time");
    const ElementType type = input[0].value.type();
    if (type != ElementType::float32 && type != ElementType::float64)
        throw Error(ErrorKind::input,
                    "the row must be float32 or float64, not " + std::string(name(type)));
    std::vector<double> row = input[0].value.to_doubles();
    if (row.size() != schema.size())
        throw Error(ErrorKind::input, "the row has " + std::to_string(row.size()) +
                                          " columns, the background " +
                                          std::to_string(schema.size()));
    for (size_t c = 0; c < row.size(); ++c)
        if (std::isinf(row[c]) || (std::isnan(row[c]) && !schema[c].allows_missing))
            throw Error(ErrorKind::input, "column '" + printable(schema[c].name) + "' holds " +
                                              (std::isnan(row[c]) ? "NaN" : "infinity"));
    return row;
}

// 1 for the columns that the rule names, 0 for the others.
Attribution columns_named(const Rule& rule, const Schema& schema, const std::vector<double>& row) {
    Attribution attribution;
    attribution.values = Tensor(ElementType::float64, {static_cast<int64_t>(schema.size())});
    for (const Rule::Condition& condition : rule.conditions)
        attribution.values.as<double>()[condition.feature] = 1;
    for (size_t c = 0; c < schema.size(); ++c) {
        attribution.names.push_back(schema[c].name);
        attribution.displays.push_back(display(schema[c], row[c]));
    }
    return attribution;
}

}  // namespace

std::shared_ptr<const BackgroundTable> anchors::read_background(Schema schema, Tensor rows,
                                                                Discretizer discretizer,
                                                                std::span<const int64_t> labels) {
    return std::make_shared<const BackgroundTable>(std::move(schema), std::move(rows), discretizer, labels);
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
