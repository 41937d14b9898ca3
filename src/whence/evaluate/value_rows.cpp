// Metrics of the values alone: attribution error and complexity.

#include <cmath>

#include "whence/evaluate/metric_rows.h"
#include "whence/metrics/complexity.h"

namespace whence::evaluate {
namespace {

using metrics::Score;
using recipe::OptionValues;

Score attribution_error(const Case& c, const OptionValues&, const Run&) {
    if (c.error) return {.value = std::abs(*c.error)};
    return {.value = std::nan(""), .undefined_because = std::string(c.no_error_because)};
}
Score sparseness(const Case& c, const OptionValues&, const Run&) {
    return {.value = metrics::sparseness(c.values)};
}
Score complexity(const Case& c, const OptionValues&, const Run&) {
    return {.value = metrics::complexity(c.values)};
}
Score effective_complexity(const Case& c, const OptionValues& o, const Run&) {
    return {.value = static_cast<double>(
                metrics::effective_complexity(c.values, o.get<double>("threshold")))};
}

}  // namespace

std::vector<MetricSpec> value_rows() {
    return {
        {.name = "attribution-error",
         .options = {},
         .score = attribution_error,
         .by_default = Default::always},
        {.name = "sparseness", .options = {}, .score = sparseness, .by_default = Default::always},
        {.name = "complexity", .options = {}, .score = complexity},
        {.name = "effective-complexity",
         .options = {{{"threshold", 1e-5}, "share of the largest |value| above which one counts"}},
         .score = effective_complexity},
    };
}

}  // namespace whence::evaluate
