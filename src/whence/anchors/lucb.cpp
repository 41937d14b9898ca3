#include "whence/anchors/lucb.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/anchors/bounds.h"

namespace whence::anchors {
namespace {

double exploration(size_t arms, int64_t round, double delta) {
    const double b = std::log(405.5 * static_cast<double>(arms) *
                              std::pow(static_cast<double>(round), 1.1) / delta);
    return b + std::log(b);
}

double upper(const Tally& tally, double beta) {
    return kl_upper(tally.mean(), beta / static_cast<double>(tally.drawn));
}
double lower(const Tally& tally, double beta) {
    return kl_lower(tally.mean(), beta / static_cast<double>(tally.drawn));
}

// Arms left out that may be better than the weakest chosen by more than the tolerance, and arms
// chosen that may be worse than the strongest left out; none where the choice is settled.
std::vector<size_t> unsettled(std::span<const Tally* const> arms, std::span<const size_t> chosen,
                              std::span<const size_t> others, double tolerance, double beta) {
    double weakest = 1, strongest = 0;
    for (const size_t i : chosen) weakest = std::min(weakest, lower(*arms[i], beta));
    for (const size_t i : others) strongest = std::max(strongest, upper(*arms[i], beta));
    std::vector<size_t> out;
    for (const size_t i : chosen)
        if (strongest - lower(*arms[i], beta) > tolerance) out.push_back(i);
    for (const size_t i : others)
        if (upper(*arms[i], beta) - weakest > tolerance) out.push_back(i);
    return out;
}

}  // namespace

std::vector<size_t> best_arms(std::span<const Tally* const> arms, size_t top, double tolerance,
                              double delta, const Pull& pull) {
    std::vector<size_t> order(arms.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto sort = [&] {
        std::ranges::sort(order, [&](size_t a, size_t b) {
            const double x = arms[a]->mean(), y = arms[b]->mean();
            return x != y ? x > y : a < b;
        });
    };
    for (int64_t round = 1;; ++round) {
        sort();
        if (order.size() <= top) return order;
        const double beta = exploration(arms.size(), round, delta);
        const std::span<const size_t> all(order);
        const std::vector<size_t> more =
            unsettled(arms, all.first(top), all.subspan(top), tolerance, beta);
        if (more.empty()) break;
        pull(more);
    }
    order.resize(top);
    return order;
}

}  // namespace whence::anchors
