#include "whence/trees/shap/quadrature.h"

#include <cmath>
#include <numbers>

namespace whence::trees {
namespace {

struct Legendre {
    long double value, slope;
};

/// P_n and its derivative at x in (-1, 1).
Legendre legendre(int n, long double x) {
    long double before = 1, now = x;
    for (int k = 2; k <= n; ++k) {
        const long double next = ((2 * k - 1) * x * now - (k - 1) * before) / k;
        before = now;
        now = next;
    }
    return {now, n * (x * now - before) / (x * x - 1)};
}

}  // namespace

Quadrature gauss_legendre(int count) {
    Quadrature rule{std::vector<double>(count), std::vector<double>(count)};
    for (int i = 0; i < count; ++i) {
        long double x =
            std::cos(std::numbers::pi_v<long double> * (count - i - 0.25L) / (count + 0.5L));
        for (int step = 0; step < 8; ++step) {
            const Legendre p = legendre(count, x);
            x -= p.value / p.slope;
        }
        const long double slope = legendre(count, x).slope;
        rule.nodes[i] = static_cast<double>((1 + x) / 2);
        rule.weights[i] = static_cast<double>(1 / ((1 - x * x) * slope * slope));
    }
    return rule;
}

}  // namespace whence::trees
