#include "whence/core/explanation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace whence {

std::string column_of(const Attribution& attribution, size_t index) {
    if (index < attribution.columns.size()) return attribution.columns[index];
    if (index < attribution.names.size()) return attribution.names[index];
    return "feature " + std::to_string(index);
}

void state_attribution_error(Explanation& explanation) {
    const TargetRecord& target = explanation.target;
    const std::vector<double> values = explanation.attribution.values.to_doubles();
    const double result = std::accumulate(values.begin(), values.end(), 0.0);
    const double wanted = target.value - target.baseline_value.value();
    Diagnostics& diagnostics = explanation.diagnostics;
    diagnostics.attribution_error = result - wanted;
    const double magnitude = std::max({1.0, std::abs(target.value), std::abs(*target.baseline_value)});
    if (std::abs(wanted) > 1e-8 * magnitude)
        diagnostics.relative_error = std::abs(result - wanted) / std::abs(wanted);
    else
        diagnostics.notes.push_back(
            "f(x) equals f(baseline): this baseline does not separate, so there is nothing to attribute");
}

}  // namespace whence
