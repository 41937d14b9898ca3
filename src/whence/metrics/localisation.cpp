#include "whence/metrics/localisation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "whence/core/error.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

// Number of elements of the object.
int64_t check(std::span<const double> values, ObjectMask mask, const char* metric) {
    require_finite(values, metric);
    if (values.size() != mask.size())
        throw Error(ErrorKind::input, fmt::format("{}: {} values for a mask of {} elements", metric,
                                                  values.size(), mask.size()));
    const int64_t object = std::ranges::count_if(mask, [](uint8_t m) { return m != 0; });
    if (object == 0)
        throw Error(ErrorKind::input,
                    fmt::format("{}: the mask is empty, there is no object", metric));
    return object;
}

double mass_within(std::span<const double> values, ObjectMask mask, Relevance relevance) {
    double within = 0, all = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        const double r =
            relevance == Relevance::absolute ? std::abs(values[i]) : std::max(0.0, values[i]);
        all += r;
        if (mask[i]) within += r;
    }
    return all > 0 ? within / all : std::numeric_limits<double>::quiet_NaN();
}

// Share of the k largest values in the object: of those that equal the k-th, as many as fit, in
// proportion.
double share_of_largest(std::span<const double> values, ObjectMask mask, int64_t k) {
    std::vector<double> sorted(values.begin(), values.end());
    std::ranges::nth_element(sorted, sorted.begin() + (k - 1), std::greater<>());
    const double least = sorted[k - 1];
    int64_t above = 0, above_within = 0, equal = 0, equal_within = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        if (values[i] < least) continue;
        const bool is_equal = values[i] == least, is_within = mask[i] != 0;
        (is_equal ? equal : above) += 1;
        (is_equal ? equal_within : above_within) += is_within;
    }
    const double fits = static_cast<double>(k - above) / static_cast<double>(equal);
    return (static_cast<double>(above_within) + fits * static_cast<double>(equal_within)) /
           static_cast<double>(k);
}

}  // namespace

double pointing_game(std::span<const double> values, ObjectMask mask) {
    check(values, mask, "pointing-game");
    const double largest = *std::ranges::max_element(values);
    double hits = 0, all = 0;
    for (size_t i = 0; i < values.size(); ++i)
        if (values[i] == largest) {
            ++all;
            hits += mask[i] != 0;
        }
    return hits / all;
}

double relevance_mass(std::span<const double> values, ObjectMask mask, Relevance relevance) {
    check(values, mask, "relevance-mass");
    return mass_within(values, mask, relevance);
}

double relevance_rank(std::span<const double> values, ObjectMask mask) {
    return share_of_largest(values, mask, check(values, mask, "relevance-rank"));
}

double attribution_localisation(std::span<const double> values, ObjectMask mask, bool weighted) {
    const int64_t object = check(values, mask, "attribution-localisation");
    const double mu = mass_within(values, mask, Relevance::positive);
    return weighted ? mu * static_cast<double>(mask.size()) / static_cast<double>(object) : mu;
}

double top_k_intersection(std::span<const double> values, ObjectMask mask, int64_t k) {
    check(values, mask, "top-k-intersection");
    if (k < 1)
        throw Error(ErrorKind::usage, fmt::format("the {} largest values; take 1 or more", k));
    return share_of_largest(values, mask, std::min<int64_t>(k, std::ssize(values)));
}

double roc_auc(std::span<const double> values, ObjectMask mask) {
    const int64_t object = check(values, mask, "roc-auc");
    const int64_t others = std::ssize(values) - object;
    if (others == 0)
        throw Error(ErrorKind::input, "roc-auc: the mask is full, there is nothing but the object");
    // Mann, Whitney 1947.
    const std::vector<double> ranks = mid_ranks(values);
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i)
        if (mask[i]) sum += ranks[i];
    const auto m = static_cast<double>(object);
    return (sum - m * (m + 1) / 2) / (m * static_cast<double>(others));
}

}  // namespace whence::metrics
