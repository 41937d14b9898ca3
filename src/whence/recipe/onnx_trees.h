#pragma once
// The tree ensemble inside an ONNX graph: ai.onnx.ml's TreeEnsembleClassifier,
// TreeEnsembleRegressor and TreeEnsemble, as scikit-learn's forests and boosters are exported.

#include "whence/graph/graph.h"
#include "whence/trees/ensemble.h"

namespace whence::recipe {

/// The only tree node of the graph; nullptr where it has none or several.
[[nodiscard]] const graph::Node* tree_node(const graph::Graph& graph);

/// The ensemble of a tree node, over the columns of the node's own input. Margins are its sums with
/// base values; the link is its post_transform. A classifier of two classes whose leaves all speak
/// of one has one output, the score of the second class. Hit rates are covers where they add up.
///
/// Throws Error(model), naming tree and node, for a broken tree; Error(unsupported) for what no sum
/// of trees is (aggregates MIN and MAX), links that Whence does not have (SOFTMAX_ZERO, PROBIT),
/// and equality with a number that is not whole.
[[nodiscard]] trees::Ensemble ensemble_of(const graph::Graph& graph, const graph::Node& node);

}  // namespace whence::recipe
