#include "whence/gradients/quadrature.h"

#include <gtest/gtest.h>

#include <cmath>

#include "whence/core/error.h"

namespace whence::gradients {
namespace {

// Sums of up to 1024 weights, each rounded once.
constexpr double accumulated = 1e-13;

double integrate(const Quadrature& q, int power) {
    double sum = 0;
    for (size_t k = 0; k < q.nodes.size(); ++k) sum += q.weights[k] * std::pow(q.nodes[k], power);
    return sum;
}

TEST(Quadrature, WeightsSumToOneAndNodesAscend) {
    for (const QuadratureRule rule : {QuadratureRule::midpoint, QuadratureRule::gauss_legendre, QuadratureRule::trapezoid})
        for (const int64_t steps : {2, 3, 4, 5, 17, 50, 512, 1024}) {
            const Quadrature q = quadrature(rule, steps);
            EXPECT_NEAR(integrate(q, 0), 1, accumulated) << name(rule) << ' ' << steps;
            EXPECT_TRUE(std::is_sorted(q.nodes.begin(), q.nodes.end()));
            EXPECT_GE(q.nodes.front(), 0);
            EXPECT_LE(q.nodes.back(), 1);
        }
}

TEST(Quadrature, GaussLegendreIsExactUpToDegreeTwiceTheNodesMinusOne) {
    for (int64_t n = 1; n <= 12; ++n)
        for (int degree = 0; degree < 2 * n; ++degree)
            EXPECT_NEAR(integrate(quadrature(QuadratureRule::gauss_legendre, n), degree), 1.0 / (degree + 1),
                        accumulated)
                << n << " nodes, degree " << degree;
}

// Negative control: one degree further it is not exact, by a known amount.
TEST(Quadrature, GaussLegendreEndsThere) {
    const double error = 1.0 / 5 - integrate(quadrature(QuadratureRule::gauss_legendre, 2), 4);
    EXPECT_NEAR(error, 1.0 / 180, accumulated);
}

TEST(Quadrature, TrapezoidAndMidpointAreExactForLines) {
    EXPECT_NEAR(integrate(quadrature(QuadratureRule::trapezoid, 7), 1), 0.5, accumulated);
    EXPECT_NEAR(integrate(quadrature(QuadratureRule::midpoint, 7), 1), 0.5, accumulated);
}

TEST(Quadrature, NamesGoBothWays) {
    for (const QuadratureRule rule : {QuadratureRule::midpoint, QuadratureRule::gauss_legendre, QuadratureRule::trapezoid})
        EXPECT_EQ(parse_rule(name(rule)), rule);
    EXPECT_THROW((void)parse_rule("simpson"), Error);
}

TEST(Quadrature, RefusesTooFewSteps) {
    EXPECT_THROW((void)quadrature(QuadratureRule::midpoint, 0), Error);
    EXPECT_THROW((void)quadrature(QuadratureRule::trapezoid, 1), Error);
}

}  // namespace
}  // namespace whence::gradients
