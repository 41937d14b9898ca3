#include "whence/trees/shap/cover.h"

#include "whence/core/error.h"

namespace whence::trees {

std::vector<double> expected_values(const Tree& tree) {
    std::vector<double> share(tree.nodes.size(), 0);
    std::vector<double> expected(tree.width, 0);
    share[0] = 1;
    for (size_t i = 0; i < tree.nodes.size(); ++i) {  // children come after their parent
        const Node& node = tree.nodes[i];
        if (node.is_leaf()) {
            for (int32_t k = 0; k < tree.width; ++k)
                expected[k] += share[i] * tree.values[int64_t{node.leaf} * tree.width + k];
            continue;
        }
        const double left = left_share(tree, node);
        share[node.left] = share[i] * left;
        share[node.right] = share[i] * (1 - left);
    }
    return expected;
}

std::vector<double> expected_margins(const Ensemble& ensemble) {
    std::vector<double> margins = ensemble.parts().base;
    for (const Tree& tree : ensemble.trees()) {
        const std::vector<double> expected = expected_values(tree);
        for (int32_t k = 0; k < tree.width; ++k)
            margins[tree.width == 1 ? tree.output : k] += expected[k] / ensemble.parts().divisor;
    }
    return margins;
}

void require_covers(const Ensemble& ensemble) {
    if (!ensemble.parts().has_covers)
        throw Error(
            ErrorKind::unsupported,
            "the model does not say how many rows came to each node, which path-dependent SHAP "
            "needs: give a background instead");
}

}  // namespace whence::trees
