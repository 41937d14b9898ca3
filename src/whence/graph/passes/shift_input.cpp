#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/graph/body.h"
#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {

void shift_input(Graph& graph, const std::string& input, const Tensor& shift) {
    const ValueInfo* info = graph.find_input(input);
    if (!info)
        throw Error(ErrorKind::usage, fmt::format("the model has no input '{}'", printable(input)));
    if (info->type != shift.type())
        throw Error(ErrorKind::unsupported,
                    fmt::format("input '{}' cannot be shifted by numbers of type {}", printable(input),
                                name(shift.type())));
    Builder builder(graph);
    const size_t reading = graph.nodes.size();
    const std::string unshifted = builder.sub(input, builder.constant(shift));
    for (size_t i = 0; i < reading; ++i) {
        Node& node = graph.nodes[i];
        std::replace(node.inputs.begin(), node.inputs.end(), input, unshifted);
        rename_captured(node, {{input, unshifted}});
    }
    sort_nodes(graph);
    verify(graph);
}

}  // namespace whence::graph
