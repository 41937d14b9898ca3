#include "whence/graph/gradient/reference.h"

#include <algorithm>

#include "whence/core/error.h"

namespace whence::graph {
namespace {

// The node on the reference's side; its outputs get names of their own.
Node copied(Graph& graph, const Node& node, Reference& reference) {
    Node copy = node;
    for (std::string& input : copy.inputs) input = reference.of(input);
    for (std::string& output : copy.outputs) {
        if (output.empty()) continue;
        const std::string original = output;
        output = graph.fresh("whence/reference/" + node.op);
        reference.copies[original] = output;
        ValueInfo info = graph.value(original);
        info.name = output;
        graph.values[output] = std::move(info);
    }
    copy.name = copy.outputs[0];
    return copy;
}

}  // namespace

std::string reference_name(const std::string& name) {
    return "whence/reference/" + name;
}

Reference add_reference(Graph& graph, const std::vector<std::string>& inputs) {
    Reference reference{.originals = inputs};
    for (const std::string& name : inputs) {
        ValueInfo info = graph.value(name);
        info.name = reference_name(name);
        if (graph.contains(info.name))
            throw Error(ErrorKind::unsupported,
                        "the model already has a tensor '" + printable(info.name) + "'");
        reference.inputs.push_back(info.name);
        reference.copies[name] = info.name;
        graph.inputs.push_back(std::move(info));
    }
    const std::vector<Node> originals = graph.nodes;
    for (const Node& node : originals) {
        const auto differs = [&](const std::string& name) { return reference.differs(name); };
        if (node.is("Shape") || node.is("Size")) continue;
        if (std::ranges::none_of(node.inputs, differs) &&
            std::ranges::none_of(node.captures, differs))
            continue;
        const auto lost = [&](const std::string& name) {
            return differs(name) && reference.of(name).empty();
        };
        if (node.captures.empty() && std::ranges::none_of(node.inputs, lost)) {
            graph.nodes.push_back(copied(graph, node, reference));
        } else {
            for (const std::string& output : node.outputs)
                if (!output.empty()) reference.copies[output] = "";
        }
    }
    return reference;
}

}  // namespace whence::graph
