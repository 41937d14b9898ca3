#include <algorithm>
#include <set>

#include "whence/core/error.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

void drop_unused_inputs(Graph& graph) {
    std::set<std::string> used;
    for (const Node& node : graph.nodes) {
        used.insert(node.inputs.begin(), node.inputs.end());
        used.insert(node.captures.begin(), node.captures.end());
    }
    for (const ValueInfo& output : graph.outputs) used.insert(output.name);
    std::erase_if(graph.inputs, [&](const ValueInfo& input) { return !used.count(input.name); });
}

}  // namespace

Graph cut_below(const Graph& graph, const std::vector<std::string>& outputs) {
    Graph part = graph;
    part.outputs.clear();
    for (const std::string& output : outputs) {
        if (!graph.contains(output))
            throw Error(ErrorKind::usage, "no tensor '" + printable(output) + "' in the model");
        part.outputs.push_back(graph.value(output));
    }
    remove_unused(part);
    drop_unused_inputs(part);
    verify(part);
    return part;
}

Graph cut_above(const Graph& graph, const std::string& from) {
    if (!graph.producer(from))
        throw Error(ErrorKind::usage, "no layer '" + printable(from) + "' in the model");
    Graph part = graph;
    ValueInfo input = graph.value(from);
    if (!input.type) input.type = ElementType::float32;
    // The layer's own producer is cut off; other outputs of that node stay computed.
    for (Node& node : part.nodes)
        for (std::string& output : node.outputs)
            if (output == from) output = "";
    part.inputs.insert(part.inputs.begin(), input);
    remove_unused(part);
    drop_unused_inputs(part);
    verify(part);
    return part;
}

}  // namespace whence::graph
