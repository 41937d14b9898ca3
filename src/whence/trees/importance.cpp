#include "whence/trees/importance.h"

namespace whence::trees {

SplitImportance split_importance(const Ensemble& ensemble) {
    const EnsembleParts& parts = ensemble.parts();
    const auto features = static_cast<size_t>(parts.features);
    SplitImportance out{.splits = std::vector<int64_t>(features, 0)};
    if (parts.has_gains) out.gains.assign(features, 0);
    if (parts.has_covers) out.covers.assign(features, 0);
    for (const Tree& tree : parts.trees)
        for (const Node& node : tree.nodes) {
            if (node.is_leaf()) continue;
            ++out.splits[node.feature];
            if (parts.has_gains) out.gains[node.feature] += node.gain;
            if (parts.has_covers) out.covers[node.feature] += node.cover;
        }
    return out;
}

}  // namespace whence::trees
