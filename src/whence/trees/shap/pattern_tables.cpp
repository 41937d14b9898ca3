#include "whence/trees/shap/pattern_tables.h"

#include <cstdint>
#include <vector>

namespace whence::trees {
namespace {

/// Calls visit(i, i + half) for all pairs of patterns that differ in the bit `half` alone.
template <class Visit>
void for_pairs(int64_t size, int64_t half, const Visit& visit) {
    for (int64_t start = 0; start < size; start += 2 * half)
        for (int64_t i = start; i < start + half; ++i) visit(i, i + half);
}

}  // namespace

void add_pattern_tables(int features, double value, std::span<const double> counts,
                        const Quadrature& rule, std::span<double> tables) {
    const int64_t size = int64_t{1} << features;
    std::vector<double> products(size);
    for (size_t q = 0; q < rule.nodes.size(); ++q) {
        const double t = rule.nodes[q];
        const double weight = value * rule.weights[q];
        products.assign(counts.begin(), counts.end());
        double* const f = products.data();
        for (int e = 0; e < features; ++e)
            for_pairs(size, int64_t{1} << e, [f, t](int64_t without, int64_t with) {
                const double b0 = f[without], b1 = f[with];
                f[without] = (1 - t) * b1;
                f[with] = t * b0 + b1;
            });
        for (int e = 0; e < features; ++e) {
            double* const table = tables.data() + e * size;
            const double over_t = 1 / t, over_rest = 1 / (1 - t);
            for_pairs(size, int64_t{1} << e, [=](int64_t without, int64_t with) {
                const double b1 = f[without] * over_rest;
                const double b0 = (f[with] - b1) * over_t;
                table[without] -= weight * b1;
                table[with] += weight * b0;
            });
        }
    }
}

}  // namespace whence::trees
