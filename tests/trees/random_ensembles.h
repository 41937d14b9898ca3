#pragma once
// Random ensembles and rows, and the slow obvious way to ask one.

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "whence/trees/ensemble.h"

namespace whence::trees::testing {

struct RandomShape {
    int64_t trees = 5, features = 6, outputs = 1;
    int depth = 4;
    bool categories = true, vector_leaves = false;
};

class RandomEnsembles {
  public:
    explicit RandomEnsembles(unsigned seed) : random_(seed) {}

    EnsembleParts parts(const RandomShape& shape) {
        EnsembleParts parts{
            .features = shape.features, .outputs = shape.outputs, .has_covers = true};
        for (int64_t k = 0; k < shape.outputs; ++k) parts.base.push_back(number());
        for (int64_t t = 0; t < shape.trees; ++t) {
            Tree tree{.width = shape.vector_leaves ? static_cast<int32_t>(shape.outputs) : 1};
            tree.output = shape.vector_leaves ? 0 : static_cast<int32_t>(t % shape.outputs);
            grow(tree, shape, shape.depth, 1000);
            parts.trees.push_back(std::move(tree));
        }
        return parts;
    }

    /// Three trees or some more that answer something: one number, a probability, one of three
    /// classes.
    EnsembleParts answering(int most_trees, int64_t features) {
        const int64_t outputs = pick(2) ? 1 : 3;
        EnsembleParts out = parts({.trees = 3 + pick(most_trees - 2),
                                   .features = features,
                                   .outputs = outputs,
                                   .depth = 2 + pick(2),
                                   .vector_leaves = outputs > 1 && pick(2) == 1});
        out.link = outputs > 1 ? (pick(3) ? Link::softmax : Link::logistic)
                   : pick(2)   ? Link::logistic
                               : Link::identity;
        out.float_inputs = pick(3) > 0;
        if (pick(5) == 0) out.zero_is_missing.assign(static_cast<size_t>(features), true);
        return out;
    }

    /// Whole numbers from -1 to 8 in part, else fractions; one in eight is missing.
    std::vector<double> rows(int64_t count, int64_t features) {
        std::vector<double> out;
        for (int64_t i = 0; i < count * features; ++i) {
            const int kind = pick(8);
            out.push_back(kind == 0   ? std::numeric_limits<double>::quiet_NaN()
                          : kind <= 4 ? pick(10) - 1
                                      : number() * 8);
        }
        return out;
    }

    double number() { return std::uniform_real_distribution<double>(-1, 1)(random_); }
    int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  private:
    // Returns the node's index; left subtree first.
    int32_t grow(Tree& tree, const RandomShape& shape, int depth, double cover) {
        const auto index = static_cast<int32_t>(tree.nodes.size());
        tree.nodes.push_back({.cover = cover});
        if (depth == 0 || pick(8) == 0) {
            tree.nodes[index].leaf = static_cast<int32_t>(tree.values.size()) / tree.width;
            for (int32_t k = 0; k < tree.width; ++k) tree.values.push_back(number());
            return index;
        }
        Node node{.feature = pick(static_cast<int>(shape.features)), .cover = cover};
        node.threshold = pick(2) ? pick(8) : number() * 8;
        node.missing_left = pick(2) == 1;
        if (shape.categories && pick(3) == 0) {
            node.categories = static_cast<int32_t>(tree.categories.size());
            tree.categories.emplace_back();
            for (int32_t code = 0; code < 8; ++code)
                if (pick(2)) tree.categories.back().push_back(code);
        }
        const double part = cover * (0.5 + 0.4 * number());
        node.left = grow(tree, shape, depth - 1, part);
        node.right = grow(tree, shape, depth - 1, cover - part);
        tree.nodes[index] = node;
        return index;
    }

    std::mt19937 random_;
};

/// Where a row goes, as ensemble.h says it.
inline bool goes_left(const Tree& tree, const Node& node, double x) {
    if (std::isnan(x)) return node.missing_left;
    if (node.categories < 0) return x <= node.threshold;
    for (const int32_t code : tree.categories[node.categories])
        if (x == code) return true;
    return false;
}

/// Margins of one row.
inline std::vector<double> slow_margins(const Ensemble& ensemble, const double* row) {
    const EnsembleParts& parts = ensemble.parts();
    std::vector<double> sums(static_cast<size_t>(parts.outputs), 0.0);
    for (const Tree& tree : parts.trees) {
        const Node* node = tree.nodes.data();
        while (!node->is_leaf()) {
            double x = row[node->feature];
            if (parts.float_inputs) x = static_cast<float>(x);
            if (!parts.zero_is_missing.empty() && parts.zero_is_missing[node->feature] &&
                std::abs(x) <= static_cast<double>(1e-35F))
                x = std::numeric_limits<double>::quiet_NaN();
            node = &tree.nodes[goes_left(tree, *node, x) ? node->left : node->right];
        }
        for (int32_t k = 0; k < tree.width; ++k)
            sums[(tree.width == 1 ? tree.output : 0) + k] +=
                tree.values[node->leaf * tree.width + k];
    }
    for (int64_t k = 0; k < parts.outputs; ++k) sums[k] = parts.base[k] + sums[k] / parts.divisor;
    return sums;
}

}  // namespace whence::trees::testing
