#include "whence/core/schema.h"

#include <fmt/format.h>

#include <cmath>

namespace whence {

std::string unit_after(const Feature& feature) {
    return feature.unit.empty() ? "" : "\u00a0" + feature.unit;
}

std::string display(const Feature& feature, double value) {
    if (std::isnan(value)) return "missing";
    if (!feature.categorical())
        return fmt::format("{:.6g}{}", value, unit_after(feature));
    const auto code = static_cast<size_t>(value);
    return value >= 0 && code < feature.categories.size() ? feature.categories[code] : "?";
}

}  // namespace whence
