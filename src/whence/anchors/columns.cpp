#include "whence/anchors/columns.h"

#include <cmath>

#include "whence/core/error.h"

namespace whence::anchors {

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

}  // namespace whence::anchors
