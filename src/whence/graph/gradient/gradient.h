#pragma once
// The gradient of an ONNX graph is an ONNX graph: one reverse sweep over a table of rules.

#include <string>
#include <vector>

#include "whence/core/model.h"
#include "whence/graph/gradient/reference.h"
#include "whence/graph/graph.h"

namespace whence::graph {

/// How a sweep multiplies.
struct SweepOptions {
    Rules rules = Rules::gradient;
    const Reference* reference = nullptr;  ///< deep_lift
    /// The result is to be differentiated again: no masks made of steep smooth functions.
    bool again = false;
};

/// Appends to `graph` the nodes that compute, for the scalar sum(seed * of), its gradient with
/// respect to each tensor of `wrt`, and returns their names (same shape and type as the tensors).
///
/// `seed` names a tensor of the shape of `of` that is already in the graph. The graph must be of
/// opset 18 or newer (upgrade_opset) and annotated with ranks (Graph::values). Broadcasting is undone
/// in one place. Where the target does not depend on a tensor, the name returned is empty: absent is
/// not zero. Throws Error(unsupported) naming operator, node and output of the first node on a path
/// between a wrt tensor and `of` that has no rule.
///
/// Other rules give what stands for the gradient (core/model.h). guided, deconvolution: at every Relu,
/// and at nothing else: LeakyRelu, Clip and smooth activations keep their slopes. deep_lift takes the
/// reference from add_reference, after split_for_multipliers; an operator without an exact multiplier
/// is refused like one without a rule.
[[nodiscard]] std::vector<std::string> add_gradients(Graph& graph, const std::string& of,
                                                     const std::string& seed,
                                                     const std::vector<std::string>& wrt,
                                                     const SweepOptions& options = {});

/// The same for the sum of several such scalars.
struct Seed {
    std::string of, seed;
};
[[nodiscard]] std::vector<std::string> add_gradients(Graph& graph, const std::vector<Seed>& seeds,
                                                     const std::vector<std::string>& wrt,
                                                     const SweepOptions& options = {});

/// Operators without a rule on the paths from `from` to `to`; empty: `to` is differentiable with
/// respect to `from`. `connected` is set to false if there is no path that carries a gradient.
[[nodiscard]] std::vector<std::string> missing_rules(const Graph& graph, const std::string& from,
                                                     const std::string& to, bool& connected);

/// Names of all operators with a rule, sorted: what docs/operators.md lists.
[[nodiscard]] std::vector<std::string> differentiable_operators();

/// Those of them whose change has no exact split, neither as they are nor after split_for_multipliers:
/// deep_lift refuses them.
[[nodiscard]] std::vector<std::string> operators_without_multiplier();

/// Names of all operators that stop a gradient by definition, sorted.
[[nodiscard]] std::vector<std::string> stopping_operators();

}  // namespace whence::graph
