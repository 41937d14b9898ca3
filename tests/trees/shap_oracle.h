#pragma once
// Shapley values of trees from the definition, in double: what the fast kernels are held against.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "whence/trees/ensemble.h"

namespace whence::trees::testing {

/// The side of one split, from the words of ensemble.h and nothing else.
inline bool goes_left(const Ensemble& ensemble, const Tree& tree, const Node& node, double x) {
    if (ensemble.parts().float_inputs) x = static_cast<float>(x);
    if (std::isnan(x)) return node.missing_left;
    if (node.categories < 0) return x <= node.threshold;
    const std::vector<int32_t>& set = tree.categories[node.categories];
    return std::ranges::any_of(set, [&](int32_t c) { return static_cast<double>(c) == x; });
}

inline double share_left(const Tree& tree, const Node& node) {
    const double left = tree.nodes[node.left].cover, right = tree.nodes[node.right].cover;
    return left + right > 0 ? left / (left + right) : 0.5;
}

/// Features that a tree splits on, ascending.
inline std::vector<int32_t> features_of(const Tree& tree) {
    std::vector<int32_t> features;
    for (const Node& node : tree.nodes)
        if (!node.is_leaf()) features.push_back(node.feature);
    std::ranges::sort(features);
    features.erase(std::unique(features.begin(), features.end()), features.end());
    return features;
}

/// The leaf's number for output `k` where `present(feature)` decides who follows x; the others take
/// the mean by cover.
inline double path_dependent_value(const Ensemble& ensemble, const Tree& tree,
                                   std::span<const double> x,
                                   const std::function<bool(int32_t)>& present, int32_t k,
                                   int32_t number = 0) {
    const Node& node = tree.nodes[number];
    if (node.is_leaf()) return tree.values[int64_t{node.leaf} * tree.width + k];
    const auto below = [&](int32_t child) {
        return path_dependent_value(ensemble, tree, x, present, k, child);
    };
    if (present(node.feature))
        return below(goes_left(ensemble, tree, node, x[node.feature]) ? node.left : node.right);
    const double r = share_left(tree, node);
    return r * below(node.left) + (1 - r) * below(node.right);
}

/// What a coalition, a mask over features_of(tree), is worth.
using TreeGame = std::function<double(const Tree& tree, const std::vector<int32_t>& players,
                                      uint32_t coalition, int32_t k)>;

inline TreeGame path_dependent_game(const Ensemble& ensemble, std::span<const double> x) {
    return [&ensemble, x](const Tree& tree, const std::vector<int32_t>& players, uint32_t coalition,
                          int32_t k) {
        const auto present = [&](int32_t feature) {
            const auto at = std::ranges::find(players, feature) - players.begin();
            return (coalition >> at & 1) != 0;
        };
        return path_dependent_value(ensemble, tree, x, present, k);
    };
}

/// Weighted mean over background rows of the leaf that x reaches with the absent features from
/// there.
inline TreeGame interventional_game(const Ensemble& ensemble, std::span<const double> x,
                                    std::span<const double> background,
                                    std::span<const double> weights) {
    return
        [&ensemble, x, background, weights](const Tree& tree, const std::vector<int32_t>& players,
                                            uint32_t coalition, int32_t k) {
            double sum = 0, total = 0;
            for (size_t b = 0; b * x.size() < background.size(); ++b) {
                std::vector<double> mixed(background.begin() + b * x.size(),
                                          background.begin() + (b + 1) * x.size());
                for (size_t p = 0; p < players.size(); ++p)
                    if (coalition >> p & 1) mixed[players[p]] = x[players[p]];
                const auto everyone = [](int32_t) { return true; };
                sum += weights[b] * path_dependent_value(ensemble, tree, mixed, everyone, k);
                total += weights[b];
            }
            return sum / total;
        };
}

inline double binomial(int n, int k) {
    double value = 1;
    for (int i = 1; i <= k; ++i) value = value * (n - k + i) / i;
    return value;
}

/// Weight of a coalition of s of the n others.
using CoalitionWeight = double (*)(int n, int s);
inline double shapley_weight(int n, int s) {
    return 1 / ((n + 1) * binomial(n, s));
}
inline double banzhaf_weight(int n, int) {
    return std::ldexp(1, -n);
}

/// [features, outputs] of one row.
inline std::vector<double> brute_force(const Ensemble& ensemble, const TreeGame& game,
                                       CoalitionWeight weight = shapley_weight) {
    std::vector<double> phi(ensemble.features() * ensemble.outputs(), 0);
    for (const Tree& tree : ensemble.trees()) {
        const std::vector<int32_t> players = features_of(tree);
        const int n = static_cast<int>(players.size());
        for (int32_t k = 0; k < tree.width; ++k) {
            std::vector<double> worth(size_t{1} << n);
            for (uint32_t s = 0; s < worth.size(); ++s) worth[s] = game(tree, players, s, k);
            const int64_t output = tree.width == 1 ? tree.output : k;
            for (int p = 0; p < n; ++p)
                for (uint32_t s = 0; s < worth.size(); ++s)
                    if (!(s >> p & 1))
                        phi[players[p] * ensemble.outputs() + output] +=
                            weight(n - 1, std::popcount(s)) * (worth[s | 1U << p] - worth[s]) /
                            ensemble.parts().divisor;
        }
    }
    return phi;
}

/// SHAP interaction values of one row, [features, features, outputs] (Lundberg et al. 2020, "From
/// local explanations to global understanding with explainable AI for trees", eqs. 7 and 8): a
/// pair's Shapley interaction index halved between both, the rest of each value on the diagonal.
inline std::vector<double> brute_force_pairs(const Ensemble& ensemble, const TreeGame& game) {
    const int64_t features = ensemble.features(), outputs = ensemble.outputs();
    std::vector<double> pairs(features * features * outputs, 0);
    const auto at = [&](int64_t i, int64_t j, int64_t k) -> double& {
        return pairs[(i * features + j) * outputs + k];
    };
    for (const Tree& tree : ensemble.trees()) {
        const std::vector<int32_t> players = features_of(tree);
        const int n = static_cast<int>(players.size());
        for (int32_t k = 0; k < tree.width; ++k) {
            std::vector<double> worth(size_t{1} << n);
            for (uint32_t s = 0; s < worth.size(); ++s) worth[s] = game(tree, players, s, k);
            const int64_t output = tree.width == 1 ? tree.output : k;
            for (int p = 0; p < n; ++p)
                for (int q = 0; q < n; ++q)
                    for (uint32_t s = 0; s < worth.size(); ++s) {
                        if (p == q || (s >> p & 1) || (s >> q & 1)) continue;
                        const double together = worth[s | 1U << p | 1U << q] - worth[s | 1U << p] -
                                                worth[s | 1U << q] + worth[s];
                        at(players[p], players[q], output) +=
                            shapley_weight(n - 2, std::popcount(s)) * together / 2 /
                            ensemble.parts().divisor;
                    }
        }
    }
    const std::vector<double> phi = brute_force(ensemble, game);
    for (int64_t i = 0; i < features; ++i)
        for (int64_t k = 0; k < outputs; ++k) {
            double others = 0;
            for (int64_t j = 0; j < features; ++j)
                if (j != i) others += at(i, j, k);
            at(i, i, k) = phi[i * outputs + k] - others;
        }
    return pairs;
}

/// The classic recursion over paths for trees too wide for the definition: a leaf is a product game
/// of the features on its path, and EXTEND (Lundberg et al. 2020, algorithm 2) gives the weights of
/// its coalitions. For each feature the others are extended afresh, so nothing is ever unwound: all
/// terms are positive, nothing cancels. Cost: depth cubed for each leaf.
class LeafRecursion {
  public:
    LeafRecursion(const Ensemble& ensemble, std::span<const double> x)
        : ensemble_(ensemble), x_(x) {}

    std::vector<double> values() {
        phi_.assign(ensemble_.features() * ensemble_.outputs(), 0);
        for (const Tree& tree : ensemble_.trees()) visit(tree, 0, {});
        return phi_;
    }

  private:
    struct Player {
        int32_t feature;
        double follows;  ///< 1: x satisfies all splits on it
        double share;
    };

    void visit(const Tree& tree, int32_t number, std::vector<Player> path) {
        const Node& node = tree.nodes[number];
        if (node.is_leaf()) return leaf(tree, node, path);
        const double r = share_left(tree, node);
        const bool left = goes_left(ensemble_, tree, node, x_[node.feature]);
        auto player = std::ranges::find(path, node.feature, &Player::feature);
        if (player == path.end()) player = path.insert(player, {node.feature, 1, 1});
        const Player before = *player;
        *player = {node.feature, before.follows * left, before.share * r};
        visit(tree, node.left, path);
        *player = {node.feature, before.follows * !left, before.share * (1 - r)};
        visit(tree, node.right, path);
    }

    void leaf(const Tree& tree, const Node& node, const std::vector<Player>& path) {
        const auto n = static_cast<int>(path.size());
        for (int i = 0; i < n; ++i) {
            // weights[s]: of all coalitions of s others, the sum of their products
            std::vector<double> weights(n, 0);
            weights[0] = 1;
            int others = 0;
            for (int j = 0; j < n; ++j) {
                if (j == i) continue;
                ++others;
                for (int s = others; s >= 0; --s)
                    weights[s] = path[j].share * (s < others ? weights[s] : 0) +
                                 path[j].follows * (s > 0 ? weights[s - 1] : 0);
            }
            double mean = 0;
            for (int s = 0; s < n; ++s) mean += shapley_weight(n - 1, s) * weights[s];
            for (int32_t k = 0; k < tree.width; ++k)
                phi_[path[i].feature * ensemble_.outputs() + (tree.width == 1 ? tree.output : k)] +=
                    (path[i].follows - path[i].share) * mean *
                    tree.values[int64_t{node.leaf} * tree.width + k] / ensemble_.parts().divisor;
        }
    }

    const Ensemble& ensemble_;
    std::span<const double> x_;
    std::vector<double> phi_;
};

}  // namespace whence::trees::testing
