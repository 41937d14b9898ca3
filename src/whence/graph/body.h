#pragma once
// Graphs inside nodes: the branches of If, the bodies of Loop and Scan. They see the tensors around them by
// name (they capture them).

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "whence/graph/graph.h"

namespace whence::graph {

using Names = std::unordered_map<std::string, std::string>;  ///< from old to new

/// Names that the body uses and does not define, sorted.
[[nodiscard]] std::vector<std::string> captured(const Graph& body);

/// Makes Node::captures what the node's bodies capture.
void update_captures(Node& node);
void set_body(Node& node, const std::string& key, Graph body);
/// Throws Error(model) if the node has no such body.
[[nodiscard]] const Graph& body_of(const Node& node, const std::string& key);
/// The node's bodies, by the names of their attributes.
[[nodiscard]] std::map<std::string, Body> bodies(const Node& node);

/// Gives names of the outer graph, as the bodies of the node use them, other names.
void rename_captured(Node& node, const Names& names);

/// A body as a graph of its own, which passes and the gradient sweep take like any other: tensors that it
/// captures become inputs after its own, constants its constants. What the outer graph knows of types and
/// shapes it knows, too.
[[nodiscard]] Graph lifted(const Graph& outer, const Node& node, const std::string& key);
/// The way back: all but the `own` inputs and the body's own constants are captured.
[[nodiscard]] Graph lowered(Graph graph, const Graph& outer, std::vector<ValueInfo> own);

/// Rewrites every body as a graph of its own.
void rewrite_bodies(Graph& graph, const std::function<void(Graph&)>& rewrite);

}  // namespace whence::graph
