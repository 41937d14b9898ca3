#pragma once
// What the answers of trees cost where the truth is known. Private to this folder.

#include <string>

#include "whence/recipe/held_trees.h"
#include "whence/trees/shap/ensemble_game.h"

namespace whence::recipe {

enum class TreeLoss { log_loss, squared_error };

/// "log-loss", "squared-error", or "auto": log-loss for classes. Throws Error(usage) for another
/// name and for the log-loss of what has no classes.
[[nodiscard]] TreeLoss parse_tree_loss(const std::string& name, const HeldTrees& trees);
[[nodiscard]] const char* name(TreeLoss loss);

/// -log p of the class number `truth`, p at least 1e-15; or (prediction - truth)^2 of `target`,
/// which must outlive it, as `trees` must. Throws Error(input) where `truth` is no class or not
/// finite, naming it as `written`.
[[nodiscard]] trees::Worth worth_of(TreeLoss loss, const HeldTrees& trees,
                                    const ResolvedTarget& target, double truth,
                                    const std::string& written);

}  // namespace whence::recipe
