#include "whence/surrogate/tree.h"

namespace whence::surrogate {

SurrogateTree fit_tree(const Answers& answers, const Split& split, const TreeOptions& options,
                       const Run& run) {
    SurrogateTree tree = perturb::grow_tree(answers, split.training, options, run);
    tree.fidelity = fidelity(answers, split, [&](std::span<const double> row) {
        return value_at(tree, answers.schema, row);
    });
    return tree;
}

}  // namespace whence::surrogate
