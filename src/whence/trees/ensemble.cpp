#include "whence/trees/ensemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "whence/core/error.h"

namespace whence::trees {
namespace {

// Sizes are counted in int32 everywhere.
constexpr auto most = static_cast<size_t>(std::numeric_limits<int32_t>::max());

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorKind::model, "the ensemble: " + why);
}

/// Checks one tree; errors name it and the node.
class TreeCheck {
  public:
    TreeCheck(const EnsembleParts& parts, size_t number)
        : parts_(parts), tree_(parts.trees[number]), number_(number) {}

    void check() const {
        check_values();
        for (const std::vector<int32_t>& set : tree_.categories) check_categories(set);
        std::vector<bool> has_parent(tree_.nodes.size(), false);
        for (size_t i = 0; i < tree_.nodes.size(); ++i) {
            const Node& node = tree_.nodes[i];
            if (node.is_leaf()) {
                check_leaf(i);
            } else {
                check_split(i);
                adopt(i, node.left, has_parent);
                adopt(i, node.right, has_parent);
            }
        }
        for (size_t i = 1; i < has_parent.size(); ++i)
            if (!has_parent[i]) refuse_node(i, "it is the child of no node");
        if (parts_.has_covers) check_covers();
    }

  private:
    [[noreturn]] void refuse_tree(const std::string& why) const {
        throw Error(ErrorKind::model, fmt::format("tree {}: {}", number_, why));
    }
    [[noreturn]] void refuse_node(size_t node, const std::string& why) const {
        throw Error(ErrorKind::model, fmt::format("tree {}, node {}: {}", number_, node, why));
    }

    void check_values() const {
        if (tree_.nodes.empty()) refuse_tree("it has no nodes");
        if (tree_.nodes.size() > most || tree_.values.size() > most) refuse_tree("it is too large");
        if (tree_.width != 1 && tree_.width != parts_.outputs)
            refuse_tree(fmt::format("its leaves have {} values; the ensemble has {} outputs",
                                    tree_.width, parts_.outputs));
        if (tree_.output < 0 || tree_.output >= parts_.outputs)
            refuse_tree(fmt::format("it adds to output {} of {}", tree_.output, parts_.outputs));
        if (tree_.values.size() % static_cast<size_t>(tree_.width) != 0)
            refuse_tree(
                fmt::format("{} leaf values are no rows of {}", tree_.values.size(), tree_.width));
        for (size_t i = 0; i < tree_.values.size(); ++i)
            if (!std::isfinite(tree_.values[i]))
                refuse_tree(fmt::format("leaf value {} is not finite", i));
    }

    void check_categories(const std::vector<int32_t>& set) const {
        if (!set.empty() && set.front() < 0) refuse_tree("a category is negative");
        if (std::ranges::adjacent_find(set, std::greater_equal<>{}) != set.end())
            refuse_tree("a set of categories is not sorted, or names one twice");
    }

    void check_leaf(size_t i) const {
        const auto rows = tree_.values.size() / static_cast<size_t>(tree_.width);
        const int32_t leaf = tree_.nodes[i].leaf;
        if (leaf < 0 || static_cast<size_t>(leaf) >= rows)
            refuse_node(i, fmt::format("leaf {} does not exist: the tree has {}", leaf, rows));
    }

    void check_split(size_t i) const {
        const Node& node = tree_.nodes[i];
        if (node.feature >= parts_.features)
            refuse_node(i, fmt::format("feature {} does not exist: the ensemble has {}",
                                       node.feature, parts_.features));
        if (std::isnan(node.threshold)) refuse_node(i, "its threshold is NaN");
        if (node.categories < -1 ||
            node.categories >= static_cast<int64_t>(tree_.categories.size()))
            refuse_node(i, fmt::format("set of categories {} does not exist: the tree has {}",
                                       node.categories, tree_.categories.size()));
    }

    void adopt(size_t parent, int32_t child, std::vector<bool>& has_parent) const {
        if (child < 0 || static_cast<size_t>(child) >= has_parent.size())
            refuse_node(parent, fmt::format("child {} does not exist: the tree has {} nodes", child,
                                            has_parent.size()));
        if (static_cast<size_t>(child) <= parent)
            refuse_node(parent, fmt::format("child {} stands before it", child));
        if (has_parent[child])
            refuse_node(parent, fmt::format("child {} has another parent already", child));
        has_parent[child] = true;
    }

    void check_covers() const {
        for (size_t i = 0; i < tree_.nodes.size(); ++i)
            if (!std::isfinite(tree_.nodes[i].cover) || tree_.nodes[i].cover < 0)
                refuse_node(i, fmt::format("its cover is {}", tree_.nodes[i].cover));
        const double slack = 1e-5 * tree_.nodes[0].cover;
        for (size_t i = 0; i < tree_.nodes.size(); ++i) {
            const Node& node = tree_.nodes[i];
            if (node.is_leaf()) continue;
            const double below = tree_.nodes[node.left].cover + tree_.nodes[node.right].cover;
            if (!(std::abs(below - node.cover) <= 1e-3 * node.cover + slack))
                refuse_node(i, fmt::format("its cover is {}, its children's add up to {}",
                                           node.cover, below));
        }
    }

    const EnsembleParts& parts_;
    const Tree& tree_;
    size_t number_;
};

void check_list(size_t have, int64_t want, const char* of_what) {
    if (have != 0 && static_cast<int64_t>(have) != want)
        refuse(fmt::format("{} {} for {}", have, of_what, want));
}

void check_players(const EnsembleParts& parts) {
    check_list(parts.players.size(), parts.features, "players");
    for (const int32_t player : parts.players)
        if (player < 0 || player >= parts.features || parts.players[player] != player)
            refuse(fmt::format("{} names no player", player));
}

void check_frame(const EnsembleParts& parts) {
    if (parts.features < 1 || parts.features > static_cast<int64_t>(most))
        refuse(fmt::format("{} features", parts.features));
    if (parts.outputs < 1 || parts.outputs > static_cast<int64_t>(most))
        refuse(fmt::format("{} outputs", parts.outputs));
    if (parts.trees.size() > most) refuse("it has too many trees");
    if (static_cast<int64_t>(parts.base.size()) != parts.outputs)
        refuse(fmt::format("{} base scores for {} outputs", parts.base.size(), parts.outputs));
    for (const double base : parts.base)
        if (!std::isfinite(base)) refuse(fmt::format("its base score is {}", base));
    if (!std::isfinite(parts.divisor) || parts.divisor <= 0)
        refuse(fmt::format("its sums are divided by {}", parts.divisor));
    check_list(parts.feature_names.size(), parts.features, "feature names");
    check_list(parts.category_names.size(), parts.features, "lists of categories");
    check_list(parts.zero_is_missing.size(), parts.features, "marks of missing zeros");
    check_players(parts);
    // A single logistic output may name both of its classes.
    const bool both = parts.link == Link::logistic && parts.outputs == 1;
    if (!both || parts.output_names.size() != 2)
        check_list(parts.output_names.size(), parts.outputs, "output names");
}

}  // namespace

Ensemble Ensemble::build(EnsembleParts parts) {
    check_frame(parts);
    // No answer depends on a gain: one that is no number is no reason to refuse the ensemble.
    for (const Tree& tree : parts.trees)
        for (const Node& node : tree.nodes)
            parts.has_gains = parts.has_gains && std::isfinite(node.gain);
    for (size_t i = 0; i < parts.trees.size(); ++i) TreeCheck(parts, i).check();
    return Ensemble(std::move(parts));
}

}  // namespace whence::trees
