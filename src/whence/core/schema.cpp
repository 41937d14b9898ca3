#include "whence/core/schema.h"

#include <fmt/format.h>

#include <cmath>

namespace whence {

std::string display(const Feature& feature, double value) {
    if (std::isnan(value)) return "missing";
    if (!feature.categorical()) return fmt::format("{:.6g}", value);
    const auto code = static_cast<size_t>(value);
    return value >= 0 && code < feature.categories.size() ? feature.categories[code] : "?";
}

}  // namespace whence
