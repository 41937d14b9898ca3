#include "whence/core/run.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "whence/core/error.h"
#include "whence/core/version.h"

namespace whence {

std::string_view version() { return WHENCE_VERSION; }

bool Run::late() const {
    return deadline != std::chrono::steady_clock::time_point::max() &&
           std::chrono::steady_clock::now() > deadline;
}

void Run::check() const {
    if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "stopped before it was finished");
    if (late())
        throw OutOfReach(ErrorKind::limit, "the time limit was reached before it was finished");
}

void Run::report_early(std::span<const double> values, std::span<const double> errors,
                       const std::vector<std::string>& names) const {
    if (!early || values.empty()) return;
    const auto top = std::ranges::max_element(values, {}, [](double v) { return std::abs(v); });
    const auto feature = static_cast<size_t>(top - values.begin());
    early({.feature = static_cast<int64_t>(feature),
           .name = names.empty() ? "" : names.at(feature),
           .value = *top,
           .standard_error =
               errors.empty() ? std::numeric_limits<double>::quiet_NaN() : errors[feature]});
}

}  // namespace whence
