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

/// From counts [2^d] of the patterns b of the background to, for each pattern c of the row, the sum
/// over b of counts times the product over features of u = c t + b (1 - t).
void sum_products(int features, double t, std::span<double> f) {
    for (int e = 0; e < features; ++e)
        for_pairs(std::ssize(f), int64_t{1} << e, [f, t](int64_t without, int64_t with) {
            const double b0 = f[without], b1 = f[with];
            f[without] = (1 - t) * b1;
            f[with] = t * b0 + b1;
        });
}

/// The derivative of those sums for the u of feature e, c - b in its place: `add` (pattern, value).
template <class Add>
void for_derivative(int e, double t, std::span<const double> f, const Add& add) {
    const double over_t = 1 / t, over_rest = 1 / (1 - t);
    for_pairs(std::ssize(f), int64_t{1} << e, [&](int64_t without, int64_t with) {
        const double b1 = f[without] * over_rest;
        const double b0 = (f[with] - b1) * over_t;
        add(without, -b1);
        add(with, b0);
    });
}

}  // namespace

void add_pattern_tables(int features, double value, std::span<const double> counts,
                        const Quadrature& rule, std::span<double> tables) {
    const int64_t size = int64_t{1} << features;
    std::vector<double> products(size);
    for (size_t q = 0; q < rule.nodes.size(); ++q) {
        const double weight = value * rule.weights[q];
        products.assign(counts.begin(), counts.end());
        sum_products(features, rule.nodes[q], products);
        double* table = tables.data();
        for (int e = 0; e < features; ++e, table += size)
            for_derivative(e, rule.nodes[q], products,
                           [=](int64_t pattern, double d) { table[pattern] += weight * d; });
    }
}

void add_interaction_tables(int features, double value, std::span<const double> counts,
                            const Quadrature& rule, std::span<double> tables) {
    const int64_t size = int64_t{1} << features;
    std::vector<double> products(size), first(size);
    for (size_t q = 0; q < rule.nodes.size(); ++q) {
        const double t = rule.nodes[q];
        products.assign(counts.begin(), counts.end());
        for (double& count : products) count *= value * rule.weights[q];
        sum_products(features, t, products);
        double* table = tables.data();
        for (int e = 0; e < features; ++e) {
            double* const of_e = first.data();
            for_derivative(e, t, products, [=](int64_t pattern, double d) { of_e[pattern] = d; });
            for (int f = 0; f < e; ++f, table += size)
                for_derivative(f, t, first,
                               [=](int64_t pattern, double d) { table[pattern] += d; });
            for (int64_t pattern = 0; pattern < size; ++pattern) table[pattern] += first[pattern];
            table += size;
        }
    }
}

}  // namespace whence::trees
