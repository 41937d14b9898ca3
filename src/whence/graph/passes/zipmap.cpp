#include <algorithm>

#include "whence/graph/passes/passes.h"

namespace whence::graph {

std::vector<std::string> drop_zipmap(Graph& graph) {
    std::vector<std::string> labels;
    for (ValueInfo& output : graph.outputs) {
        const auto node = std::ranges::find_if(graph.nodes, [&](const Node& candidate) {
            return candidate.domain == "ai.onnx.ml" && candidate.op == "ZipMap" &&
                   candidate.has_input(0) && !candidate.outputs.empty() &&
                   candidate.outputs[0] == output.name;
        });
        if (node == graph.nodes.end()) continue;
        if (const auto found = node->attributes.find("classlabels_strings"); found != node->attributes.end())
            if (const auto* texts = std::get_if<std::vector<std::string>>(&found->second)) labels = *texts;
        if (labels.empty())
            for (const int64_t label : node->integers("classlabels_int64s")) labels.push_back(std::to_string(label));
        // The scores keep the output's name, so that users find them where they were.
        const std::string scores = node->inputs.at(0);
        *node = Node{.op = "Identity", .name = node->name, .inputs = {scores}, .outputs = {output.name}};
        output = ValueInfo{.name = output.name, .type = ElementType::float32};
        output.shape = {Dimension{-1, "N"},
                        Dimension{labels.empty() ? -1 : static_cast<int64_t>(labels.size()), ""}};
    }
    return labels;
}

}  // namespace whence::graph
