#pragma once
// Ensembles nobody trained, and rows for them: with everything an ensemble may hold.

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "whence/core/rng.h"
#include "whence/core/tensor.h"
#include "whence/trees/ensemble.h"

namespace whence::trees::testing {

struct EnsembleRecipe {
    int trees = 5;
    int depth = 4;
    int features = 5;
    int outputs = 1;
    bool vector_leaves = false;
    double leaf_chance = 0.15;     ///< that a node above the deepest level is a leaf
    double category_chance = 0;    ///< that a split asks for categories
    double zero_cover_chance = 0;  ///< that no training row went to one side
    bool float_inputs = true;
    bool chain = false;     ///< every right child a leaf
    bool distinct = false;  ///< the split at depth k is on feature k
    uint64_t seed = 1;
};

class EnsembleMaker {
  public:
    explicit EnsembleMaker(const EnsembleRecipe& recipe)
        : recipe_(recipe), rng_(recipe.seed, 7, 0) {}

    EnsembleParts parts() {
        EnsembleParts parts;
        parts.features = recipe_.features;
        parts.outputs = recipe_.outputs;
        for (int k = 0; k < recipe_.outputs; ++k) parts.base.push_back(0.25 * (k + 1));
        parts.divisor = 2;
        parts.float_inputs = recipe_.float_inputs;
        parts.has_covers = true;
        for (int i = 0; i < recipe_.trees; ++i) {
            Tree tree;
            tree.width = recipe_.vector_leaves ? recipe_.outputs : 1;
            tree.output = recipe_.vector_leaves ? 0 : i % recipe_.outputs;
            grow(tree, 0, 1000);
            parts.trees.push_back(std::move(tree));
        }
        return parts;
    }

  private:
    int32_t grow(Tree& tree, int depth, double cover) {
        const auto number = static_cast<int32_t>(tree.nodes.size());
        tree.nodes.emplace_back();
        tree.nodes[number].cover = cover;
        const bool early = depth > 0 && !recipe_.chain && rng_.uniform() < recipe_.leaf_chance;
        if (early || depth == recipe_.depth) return make_leaf(tree, number);
        Node split;
        split.feature = recipe_.distinct ? depth % recipe_.features
                                         : static_cast<int32_t>(rng_.below(recipe_.features));
        split.missing_left = rng_.uniform() < 0.5;
        split.cover = cover;
        if (rng_.uniform() < recipe_.category_chance) {
            std::vector<int32_t> set;
            for (int32_t c = 0; c < 40; c += 1 + static_cast<int32_t>(rng_.below(3)))
                if (rng_.uniform() < 0.6) set.push_back(c);
            split.categories = static_cast<int32_t>(tree.categories.size());
            tree.categories.push_back(set);
        } else {
            split.threshold = recipe_.float_inputs ? static_cast<double>(rng_.below(6))
                                                   : static_cast<double>(rng_.below(6)) + 1e-12;
        }
        double left = std::floor(cover * (0.02 + 0.96 * rng_.uniform()));
        if (rng_.uniform() < recipe_.zero_cover_chance) left = rng_.uniform() < 0.5 ? 0 : cover;
        split.left = grow(tree, depth + 1, left);
        if (recipe_.chain) {
            split.right = static_cast<int32_t>(tree.nodes.size());
            tree.nodes.emplace_back();
            tree.nodes[split.right].cover = cover - left;
            make_leaf(tree, split.right);
        } else {
            split.right = grow(tree, depth + 1, cover - left);
        }
        tree.nodes[number] = split;
        return number;
    }

    int32_t make_leaf(Tree& tree, int32_t number) {
        tree.nodes[number].leaf = static_cast<int32_t>(tree.values.size()) / tree.width;
        for (int k = 0; k < tree.width; ++k) tree.values.push_back(2 * rng_.uniform() - 1);
        return number;
    }

    EnsembleRecipe recipe_;
    Rng rng_;
};

inline Ensemble make_ensemble(const EnsembleRecipe& recipe) {
    return Ensemble::build(EnsembleMaker(recipe).parts());
}

/// Rows that hit thresholds exactly, name unseen categories, are missing, infinite or no number of
/// a category.
inline std::vector<double> make_rows(int64_t rows, int64_t features, uint64_t seed) {
    Rng rng(seed, 8, 0);
    std::vector<double> data(rows * features);
    for (double& x : data) {
        const double kind = rng.uniform();
        x = static_cast<double>(rng.below(7)) - 0.5 * static_cast<double>(rng.below(2));
        if (kind < 0.1) x = std::numeric_limits<double>::quiet_NaN();
        if (kind > 0.98) x = std::numeric_limits<double>::infinity();
        if (kind > 0.7 && kind < 0.9) x = static_cast<double>(rng.below(45));
        if (kind > 0.95 && kind < 0.97) x += 1e-12;
    }
    return data;
}

inline MatrixView<const double> view(const std::vector<double>& data, int64_t features) {
    return {data.data(), static_cast<int64_t>(data.size()) / features, features};
}

}  // namespace whence::trees::testing
