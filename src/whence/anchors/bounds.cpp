#include "whence/anchors/bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace whence::anchors {
namespace {

double term(double p, double q) {
    if (p == 0) return 0;
    return q == 0 ? std::numeric_limits<double>::infinity() : p * std::log(p / q);
}

// Where `inside` stops being true between a point that is inside and one that is not: the two
// neighbouring numbers.
template <class Inside>
Interval edge(double within, double beyond, const Inside& inside) {
    while (true) {
        const double middle = within + (beyond - within) / 2;
        if (middle == within || middle == beyond) return {within, beyond};
        (inside(middle) ? within : beyond) = middle;
    }
}

// The q between p and `far`, which is too far, where KL(p, q) reaches the level, rounded outwards.
// Newton's rule on a convex function comes near in a few steps; the last digits are bisected, all
// of them where it does not.
double kl_edge(double p, double far, double level) {
    const auto inside = [&](double q) { return kl_bernoulli(p, q) <= level; };
    double q = far > 0 && far < 1 ? far : p + 0.99 * (far - p);
    for (int step = 0; step < 12; ++step) {
        const double change = (kl_bernoulli(p, q) - level) * q * (1 - q) / (q - p);
        q -= change;
        if (std::abs(change) <= 1e-14 * std::abs(q - p)) break;
    }
    const double slack = 1e-13 * (far - p), within = q - slack, beyond = q + slack;
    const bool between =
        std::min(p, far) < std::min(within, beyond) && std::max(within, beyond) < std::max(p, far);
    if (between && inside(within) && !inside(beyond)) return edge(within, beyond, inside).high;
    return edge(p, far, inside).high;
}

// ln C(n, k) by a sum, which is exact enough for any n that anyone draws and needs no lgamma (whose
// sign is a global variable).
double log_choose(int64_t n, int64_t k) {
    double sum = 0;
    for (int64_t i = 1; i <= std::min(k, n - k); ++i)
        sum += std::log(static_cast<double>(n - i + 1) / static_cast<double>(i));
    return sum;
}

// P(X >= k), X binomial(n, p), 1 <= k <= n, p in (0, 1): the first term from its logarithm, the
// rest by their quotients, until they no longer matter.
double upper_tail(int64_t k, int64_t n, double p, double log_choose_k) {
    const double odds = p / (1 - p);
    double log_first = log_choose_k + static_cast<double>(k) * std::log(p) +
                       static_cast<double>(n - k) * std::log1p(-p);
    double sum = 1, ratio = 1;
    for (int64_t i = k; i < n && ratio > 1e-18 * sum; ++i) {
        ratio *= odds * static_cast<double>(n - i) / static_cast<double>(i + 1);
        sum += ratio;
        if (sum > 1e200) {
            log_first += std::log(sum);
            ratio /= sum;
            sum = 1;
        }
    }
    return std::exp(log_first + std::log(sum));
}

// The p at which P(X >= k) is `tail`: below it `hits` >= k would be too lucky.
double lower_end(int64_t k, int64_t n, double tail) {
    const double choose = log_choose(n, k);
    return edge(0, 1, [&](double p) { return upper_tail(k, n, p, choose) <= tail; }).low;
}

}  // namespace

double kl_bernoulli(double p, double q) {
    return std::max(0.0, term(p, q) + term(1 - p, 1 - q));
}

// KL(p, p + d) >= 2 d^2 (Pinsker): further out than that no bound lies.
double kl_upper(double p, double level) {
    const double far = std::min(1.0, p + std::sqrt(level / 2));
    if (kl_bernoulli(p, far) <= level) return far;
    return kl_edge(p, far, level);
}

double kl_lower(double p, double level) {
    const double far = std::max(0.0, p - std::sqrt(level / 2));
    if (kl_bernoulli(p, far) <= level) return far;
    return kl_edge(p, far, level);
}

Interval clopper_pearson(int64_t hits, int64_t drawn, double confidence) {
    const double tail = (1 - confidence) / 2;
    return {hits == 0 ? 0 : lower_end(hits, drawn, tail),
            hits == drawn ? 1 : 1 - lower_end(drawn - hits, drawn, tail)};
}

}  // namespace whence::anchors
