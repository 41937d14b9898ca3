// Where the curves are looked at.
#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/global/curves.h"
#include "whence/global/quantile.h"

namespace whence::global {

double quantile(const std::vector<double>& sorted, double p) {
    const double at = p * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<size_t>(at);
    const size_t high = std::min(low + 1, sorted.size() - 1);
    const double share = at - static_cast<double>(low);
    return sorted[low] * (1 - share) + sorted[high] * share;
}

std::vector<double> present_sorted(const Task& task, int64_t feature) {
    std::vector<double> out = task.column(feature);
    std::erase_if(out, [](double value) { return std::isnan(value); });
    std::ranges::sort(out);
    return out;
}

std::vector<double> deciles(const Task& task, int64_t feature) {
    if (task.schema[feature].categorical()) return {};
    const std::vector<double> sorted = present_sorted(task, feature);
    std::vector<double> out;
    for (int i = 0; i <= 10 && !sorted.empty(); ++i) out.push_back(quantile(sorted, i / 10.0));
    return out;
}

std::vector<double> unique(std::vector<double> sorted) {
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    return sorted;
}

GridKind parse_grid(std::string_view text) {
    if (text == "quantiles") return GridKind::quantiles;
    if (text == "equal") return GridKind::equal;
    throw Error(ErrorKind::usage,
                "no grid '" + printable(text) + "'; choose from quantiles, equal");
}

std::vector<double> grid_of(const Task& task, int64_t feature, const CurveOptions& options) {
    if (options.points < 2) throw Error(ErrorKind::usage, "points is less than 2");
    const std::vector<double> sorted = present_sorted(task, feature);
    std::vector<double> values = unique(sorted);
    if (task.schema[feature].categorical() || std::ssize(values) <= options.points) return values;
    std::vector<double> out;
    const auto steps = static_cast<double>(options.points - 1);
    for (int64_t i = 0; i < options.points; ++i) {
        const double share = static_cast<double>(i) / steps;
        out.push_back(options.grid == GridKind::quantiles
                          ? quantile(sorted, share)
                          : sorted.front() * (1 - share) + sorted.back() * share);
    }
    return unique(std::move(out));
}

}  // namespace whence::global
