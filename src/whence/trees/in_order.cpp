#include "whence/trees/in_order.h"

#include <fmt/format.h>

#include <cmath>

#include "whence/core/error.h"

namespace whence::trees {
namespace {

[[noreturn]] void refuse(int64_t tree, int64_t node, const std::string& why) {
    throw Error(ErrorKind::model, fmt::format("tree {}, node {}: {}", tree, node, why));
}

void check_split(const Node& node, int64_t tree, int64_t number, int64_t features) {
    if (node.feature >= features)
        refuse(tree, number,
               fmt::format("feature {} does not exist: the model has {}", node.feature, features));
    if (node.categories < 0 && std::isnan(node.threshold))
        refuse(tree, number, "its threshold is NaN");
}

// The nodes that the root leads to, parents first, left before right.
std::vector<int32_t> reached(const Tree& tree, int64_t number, int64_t features) {
    const auto count = static_cast<int32_t>(tree.nodes.size());
    if (count == 0) throw Error(ErrorKind::model, fmt::format("tree {}: it has no nodes", number));
    std::vector<int32_t> order, waiting = {0};
    std::vector<bool> seen(tree.nodes.size(), false);
    seen[0] = true;
    while (!waiting.empty()) {
        const int32_t i = waiting.back();
        waiting.pop_back();
        order.push_back(i);
        const Node& node = tree.nodes[i];
        if (node.is_leaf()) continue;
        check_split(node, number, i, features);
        for (const int32_t child : {node.right, node.left}) {
            if (child < 0 || child >= count)
                refuse(number, i,
                       fmt::format("child {} does not exist: the tree has {} nodes", child, count));
            if (seen[child])
                refuse(number, i, fmt::format("child {} is reached on another way already", child));
            seen[child] = true;
            waiting.push_back(child);
        }
    }
    return order;
}

bool is_ordered(const Tree& tree) {
    for (size_t i = 0; i < tree.nodes.size(); ++i) {
        const Node& node = tree.nodes[i];
        const auto place = static_cast<int64_t>(i);
        if (!node.is_leaf() && (node.left <= place || node.right <= place)) return false;
    }
    return true;
}

}  // namespace

Tree in_order(Tree tree, int64_t number, int64_t features) {
    const std::vector<int32_t> order = reached(tree, number, features);
    if (order.size() == tree.nodes.size() && is_ordered(tree)) return tree;
    std::vector<int32_t> place(tree.nodes.size(), -1);
    for (size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<int32_t>(i);
    std::vector<Node> nodes;
    for (const int32_t i : order) {
        Node node = tree.nodes[i];
        if (!node.is_leaf()) {
            node.left = place[node.left];
            node.right = place[node.right];
        }
        nodes.push_back(node);
    }
    tree.nodes = std::move(nodes);
    return tree;
}

}  // namespace whence::trees
