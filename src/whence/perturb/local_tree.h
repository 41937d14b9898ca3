#pragma once
// A small regression tree as a local model.

#include "whence/perturb/surrogate.h"
#include "whence/perturb/tree.h"

namespace whence::perturb {

/// One leaf: the samples that meet all conditions (columns of the design) at once.
struct LocalLeaf {
    std::vector<Condition> conditions;
    double value = 0;  ///< weighted mean of their answers
    double share = 0;  ///< of the samples' weight
    bool holds_here = false;  ///< the input itself is in it
};

struct LocalTree {
    /// Coefficients are importances: the share of the weighted squared error that the tree takes
    /// away which the splits on a feature take away (Breiman et al. 1984, section 5.3.4, normalised
    /// as in scikit-learn's feature_importances_); all 0 where nothing splits.
    Surrogate surrogate;
    std::vector<LocalLeaf> leaves;
    double at_input = 0;
};

/// grow_tree on `features` of the samples, at most `depth` tests on a path, 5 samples in a leaf.
[[nodiscard]] LocalTree fit_local_tree(const Design& design, std::span<const double> answers,
                                       std::span<const double> origin,
                                       const std::vector<int32_t>& features, int64_t depth,
                                       const Run& run);

}  // namespace whence::perturb
