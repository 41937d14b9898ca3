#include <fmt/format.h>

#include "whence/core/error.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {

void lift_constants(Graph& graph, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        const auto found = graph.initializers.find(name);
        if (found == graph.initializers.end())
            throw Error(ErrorKind::usage, fmt::format("there is no constant '{}' in the model", printable(name)));
        ValueInfo input{.name = name, .type = found->second->type(), .shape = std::vector<Dimension>{}};
        for (const int64_t length : found->second->shape()) input.shape->push_back({length, ""});
        graph.inputs.push_back(std::move(input));
        graph.initializers.erase(found);
    }
}

}  // namespace whence::graph
