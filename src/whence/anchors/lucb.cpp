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

struct Extreme {
    size_t arm = 0;
    double bound = 0;
};

// Whether the bound of `tally` lies beyond `value`, which is beyond its mean: no bisection needed.
bool reaches(const Tally& tally, double value, double beta) {
    return static_cast<double>(tally.drawn) * kl_bernoulli(tally.mean(), value) < beta;
}

double level_of(const Tally& tally, double beta) {
    return beta / static_cast<double>(tally.drawn);
}

// The arm left out that may be the best, and the arm chosen that may be the worst.
Extreme highest(std::span<const Tally* const> arms, std::span<const size_t> among, double beta) {
    Extreme found{.arm = among[0], .bound = -1};
    for (const size_t i : among) {
        const Tally& tally = *arms[i];
        if (found.bound >= tally.mean() && !reaches(tally, found.bound, beta)) continue;
        const double bound = kl_upper(tally.mean(), level_of(tally, beta));
        if (bound > found.bound) found = {i, bound};
    }
    return found;
}

Extreme lowest(std::span<const Tally* const> arms, std::span<const size_t> among, double beta) {
    Extreme found{.arm = among[0], .bound = 2};
    for (const size_t i : among) {
        const Tally& tally = *arms[i];
        if (found.bound <= tally.mean() && !reaches(tally, found.bound, beta)) continue;
        const double bound = kl_lower(tally.mean(), level_of(tally, beta));
        if (bound < found.bound) found = {i, bound};
    }
    return found;
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
        const Extreme rival = highest(arms, all.subspan(top), beta),
                      weakest = lowest(arms, all.first(top), beta);
        if (rival.bound - weakest.bound <= tolerance) break;
        const size_t both[] = {rival.arm, weakest.arm};
        pull(both);
    }
    order.resize(top);
    return order;
}

}  // namespace whence::anchors
