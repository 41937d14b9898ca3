#include <gtest/gtest.h>

#include <cmath>

#include "whence/anchors/bounds.h"

namespace whence::anchors {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Bisection ends at neighbouring numbers; what is left is the rounding of the divergence itself.
constexpr double rounding = 1e-9;

TEST(Bounds, DivergenceHasItsValues) {
    EXPECT_EQ(kl_bernoulli(0.3, 0.3), 0);
    EXPECT_DOUBLE_EQ(kl_bernoulli(0.5, 0.25), 0.5 * std::log(2.0) + 0.5 * std::log(0.5 / 0.75));
    EXPECT_DOUBLE_EQ(kl_bernoulli(0, 0.2), -std::log(0.8));
    EXPECT_DOUBLE_EQ(kl_bernoulli(1, 0.2), -std::log(0.2));
    EXPECT_EQ(kl_bernoulli(0.5, 1), infinity);
    EXPECT_EQ(kl_bernoulli(0.5, 0), infinity);
    EXPECT_EQ(kl_bernoulli(1, 1), 0);
}

// The slow twin: walk outwards in small steps, then in a tenth of that, until the steps are tiny.
double walk(double p, double level, double direction) {
    double q = p;
    for (double step = 0.1; step > 1e-12; step /= 10)
        while (q + direction * step >= 0 && q + direction * step <= 1 &&
               kl_bernoulli(p, q + direction * step) <= level)
            q += direction * step;
    return q;
}

TEST(Bounds, EqualASlowWalk) {
    for (const double p : {0.0, 0.001, 0.2, 0.5, 0.83, 0.999, 1.0})
        for (const double level : {1e-6, 1e-3, 0.02, 0.3, 2.0, 30.0}) {
            EXPECT_NEAR(kl_upper(p, level), walk(p, level, 1), rounding) << p << " " << level;
            EXPECT_NEAR(kl_lower(p, level), walk(p, level, -1), rounding) << p << " " << level;
        }
}

TEST(Bounds, EndsHaveAClosedForm) {
    for (const double level : {1e-4, 0.1, 1.0, 5.0}) {
        EXPECT_NEAR(kl_upper(0, level), 1 - std::exp(-level), rounding);
        EXPECT_NEAR(kl_lower(1, level), std::exp(-level), rounding);
        EXPECT_EQ(kl_lower(0, level), 0);
        EXPECT_EQ(kl_upper(1, level), 1);
    }
    EXPECT_NEAR(kl_upper(0.4, 0), 0.4, rounding);
    EXPECT_NEAR(kl_lower(0.4, 0), 0.4, rounding);
}

// The comparisons above can fail: one halving of Pinsker's interval is far from the bound.
TEST(Bounds, OneHalvingIsNotEnough) {
    const double p = 0.9, level = 0.05, far = std::min(1.0, p + std::sqrt(level / 2));
    EXPECT_GT(std::abs((p + far) / 2 - kl_upper(p, level)), 0.01);
}

double binomial(int64_t n, int64_t k, double p) {
    double value = 1;
    for (int64_t i = 0; i < k; ++i)
        value *= static_cast<double>(n - i) / static_cast<double>(i + 1) * p;
    return value * std::pow(1 - p, static_cast<double>(n - k));
}

double tail(int64_t n, int64_t from, int64_t to, double p) {
    double sum = 0;
    for (int64_t k = from; k <= to; ++k) sum += binomial(n, k, p);
    return sum;
}

TEST(Bounds, ClopperPearsonLeavesHalfOfTheRestOnEachSide) {
    for (const int64_t n : {1, 7, 40, 200})
        for (const int64_t hits : {int64_t{0}, n / 3, n / 2, n - 1, n}) {
            const Interval interval = clopper_pearson(hits, n, 0.9);
            if (hits == 0)
                EXPECT_EQ(interval.low, 0);
            else
                EXPECT_NEAR(tail(n, hits, n, interval.low), 0.05, rounding) << hits << " of " << n;
            if (hits == n)
                EXPECT_EQ(interval.high, 1);
            else
                EXPECT_NEAR(tail(n, 0, hits, interval.high), 0.05, rounding) << hits << " of " << n;
        }
}

// scipy.stats.beta.ppf (1.17.1): (0.025, k, n-k+1) and (0.975, k+1, n-k).
TEST(Bounds, ClopperPearsonEqualsTheBetaQuantiles) {
    const Interval most = clopper_pearson(970, 1000, 0.95);
    EXPECT_NEAR(most.low, 0.9574485975299709, rounding);
    EXPECT_NEAR(most.high, 0.9796695143168904, rounding);
    const Interval many = clopper_pearson(51234, 100000, 0.99);
    EXPECT_NEAR(many.low, 0.5082629867880257, rounding);
    EXPECT_NEAR(many.high, 0.5164158373020199, rounding);
}

// Probability that the interval holds the truth, summed exactly.
template <class Make>
double held(int64_t n, double p, const Make& make) {
    double sum = 0;
    for (int64_t k = 0; k <= n; ++k) {
        const Interval interval = make(k);
        if (interval.low <= p && p <= interval.high) sum += binomial(n, k, p);
    }
    return sum;
}

TEST(Bounds, ClopperPearsonHoldsTheTruthAsOftenAsItSays) {
    const auto wald = [](int64_t k) {
        const double p = static_cast<double>(k) / 30, half = 1.96 * std::sqrt(p * (1 - p) / 30);
        return Interval{p - half, p + half};
    };
    double worst_of_wald = 1;
    for (double p = 0.01; p < 1; p += 0.01) {
        EXPECT_GE(held(30, p, [](int64_t k) { return clopper_pearson(k, 30, 0.95); }), 0.95) << p;
        worst_of_wald = std::min(worst_of_wald, held(30, p, wald));
    }
    EXPECT_LT(worst_of_wald, 0.9);  // the check can fail
}

}  // namespace
}  // namespace whence::anchors
