#include "whence/gradients/quadrature.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "whence/core/error.h"

namespace whence::gradients {
namespace {

struct RuleRow {
    QuadratureRule rule;
    std::string_view name;
    void (*fill)(Quadrature& q);
};

void fill_midpoint(Quadrature& q) {
    const auto n = static_cast<double>(q.nodes.size());
    for (size_t k = 0; k < q.nodes.size(); ++k) {
        q.nodes[k] = (static_cast<double>(k) + 0.5) / n;
        q.weights[k] = 1 / n;
    }
}

void fill_trapezoid(Quadrature& q) {
    const auto cells = static_cast<double>(q.nodes.size() - 1);
    for (size_t k = 0; k < q.nodes.size(); ++k) {
        q.nodes[k] = static_cast<double>(k) / cells;
        q.weights[k] = 1 / cells;
    }
    q.weights.front() = q.weights.back() = 0.5 / cells;
}

struct LegendreAt {
    double value, derivative;
};

// P_n(x) and P_n'(x) by Bonnet's recursion.
LegendreAt legendre(size_t n, double x) {
    double before = 1, now = x;
    for (size_t k = 2; k <= n; ++k) {
        const auto order = static_cast<double>(k);
        const double next = ((2 * order - 1) * x * now - (order - 1) * before) / order;
        before = now;
        now = next;
    }
    return {now, static_cast<double>(n) * (x * now - before) / (x * x - 1)};
}

// Roots of P_n by Newton from Tricomi's cosine guess, in pairs about 1/2.
void fill_gauss_legendre(Quadrature& q) {
    const size_t n = q.nodes.size();
    for (size_t k = 0; k < (n + 1) / 2; ++k) {
        double x = std::cos(std::numbers::pi * (static_cast<double>(k) + 0.75) /
                            (static_cast<double>(n) + 0.5));
        if (2 * k + 1 == n) x = 0;  // the middle root is known
        LegendreAt p = legendre(n, x);
        for (int newton = 0; newton < 8 && n > 1; ++newton) {
            const double step = p.value / p.derivative;
            x -= step;
            p = legendre(n, x);
            if (std::abs(step) < 1e-15) break;
        }
        const double weight = n == 1 ? 1 : 1 / ((1 - x * x) * p.derivative * p.derivative);
        q.nodes[k] = 0.5 * (1 - x);
        q.nodes[n - 1 - k] = 0.5 * (1 + x);
        q.weights[k] = q.weights[n - 1 - k] = weight;
    }
}

constexpr RuleRow rules[] = {{QuadratureRule::midpoint, "midpoint", fill_midpoint},
                             {QuadratureRule::gauss_legendre, "gauss-legendre", fill_gauss_legendre},
                             {QuadratureRule::trapezoid, "trapezoid", fill_trapezoid}};

}  // namespace

std::string_view name(QuadratureRule rule) {
    return std::ranges::find(rules, rule, &RuleRow::rule)->name;
}

QuadratureRule parse_rule(std::string_view text) {
    for (const RuleRow& row : rules)
        if (row.name == text) return row.rule;
    throw Error(ErrorKind::usage, "no quadrature rule '" + printable(text) +
                                      "'; choose midpoint, gauss-legendre or trapezoid");
}

Quadrature quadrature(QuadratureRule rule, int64_t steps) {
    const int64_t least = rule == QuadratureRule::trapezoid ? 2 : 1;
    if (steps < least)
        throw Error(ErrorKind::usage, std::string(name(rule)) + " needs at least " +
                                          std::to_string(least) + " steps, not " +
                                          std::to_string(steps));
    Quadrature q{std::vector<double>(steps), std::vector<double>(steps)};
    std::ranges::find(rules, rule, &RuleRow::rule)->fill(q);
    return q;
}

}  // namespace whence::gradients
