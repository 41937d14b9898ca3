#include "whence/metrics/complexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "whence/core/error.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

// |values| over the largest of them, so that no sum overflows; all 0 stay 0.
std::vector<double> sizes(std::span<const double> values, const char* metric) {
    require_finite(values, metric);
    std::vector<double> out;
    for (const double value : values) out.push_back(std::abs(value));
    const double largest = *std::ranges::max_element(out);
    for (double& a : out) a = largest > 0 ? a / largest : 0;
    return out;
}

}  // namespace

double sparseness(std::span<const double> values) {
    std::vector<double> a = sizes(values, "sparseness");
    std::ranges::sort(a);
    if (a.back() == a.front()) return 0;
    const auto n = static_cast<double>(a.size());
    double weighted = 0, sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        weighted += (2 * static_cast<double>(i + 1) - n - 1) * a[i];
        sum += a[i];
    }
    return weighted / (n * sum);
}

double complexity(std::span<const double> values) {
    const std::vector<double> a = sizes(values, "complexity");
    const double sum = std::accumulate(a.begin(), a.end(), 0.0);
    if (sum == 0) return std::log(static_cast<double>(a.size()));
    double entropy = 0;
    for (const double size : a)
        if (size > 0) entropy -= size / sum * std::log(size / sum);
    return std::max(0.0, entropy);
}

int64_t effective_complexity(std::span<const double> values, double threshold) {
    if (!(threshold >= 0 && threshold < 1))
        throw Error(ErrorKind::usage,
                    fmt::format("a threshold of {}; take a share of the largest value in [0, 1)",
                                threshold));
    return std::ranges::count_if(sizes(values, "effective-complexity"),
                                 [&](double a) { return a > threshold; });
}

}  // namespace whence::metrics
