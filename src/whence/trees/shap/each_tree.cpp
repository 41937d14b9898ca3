#include "whence/trees/shap/each_tree.h"

#include "whence/trees/shap/interventional.h"

namespace whence::trees {
namespace {

Ensemble only(const Ensemble& ensemble, const Tree& tree) {
    const EnsembleParts& all = ensemble.parts();
    EnsembleParts one{.features = all.features,
                      .outputs = all.outputs,
                      .base = std::vector<double>(all.base.size(), 0),
                      .divisor = all.divisor,
                      .float_inputs = all.float_inputs,
                      .has_covers = all.has_covers,
                      .zero_is_missing = all.zero_is_missing,
                      .players = all.players};
    one.trees.push_back(tree);
    return Ensemble::build(std::move(one));
}

}  // namespace

std::vector<TreeShapValues> values_of_trees(
    const Ensemble& ensemble, MatrixView<const double> rows,
    const std::optional<MatrixView<const double>>& background, const TreeShapOptions& options,
    const Run& run) {
    std::vector<TreeShapValues> out;
    for (const Tree& tree : ensemble.trees()) {
        run.check();
        const Ensemble one = only(ensemble, tree);
        out.push_back(background
                          ? InterventionalShap(one, *background, {}, options).values(rows, run)
                          : TreeShap(one, options).values(rows, run));
    }
    return out;
}

}  // namespace whence::trees
