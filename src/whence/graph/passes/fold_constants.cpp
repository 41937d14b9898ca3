#include <algorithm>

#include "whence/graph/body.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

template <class T>
Constant make(Shape shape, std::vector<T> values) {
    return std::make_shared<const Tensor>(Tensor::of<T>(std::move(shape), values));
}

// The value of a Constant node in whichever attribute it is written; nullptr if we do not read it.
Constant constant_value(const Node& node) {
    const auto find = [&](const char* key) -> const Attribute* {
        const auto found = node.attributes.find(key);
        return found == node.attributes.end() ? nullptr : &found->second;
    };
    if (const Attribute* a = find("value"); a && std::holds_alternative<Constant>(*a)) return std::get<Constant>(*a);
    if (const Attribute* a = find("value_int"); a && std::holds_alternative<int64_t>(*a))
        return make<int64_t>({}, {std::get<int64_t>(*a)});
    if (const Attribute* a = find("value_float"); a && std::holds_alternative<float>(*a))
        return make<float>({}, {std::get<float>(*a)});
    if (const Attribute* a = find("value_ints"); a && std::holds_alternative<std::vector<int64_t>>(*a)) {
        const auto& values = std::get<std::vector<int64_t>>(*a);
        return make<int64_t>({static_cast<int64_t>(values.size())}, values);
    }
    if (const Attribute* a = find("value_floats"); a && std::holds_alternative<std::vector<float>>(*a)) {
        const auto& values = std::get<std::vector<float>>(*a);
        return make<float>({static_cast<int64_t>(values.size())}, values);
    }
    return nullptr;
}

}  // namespace

void fold_constants(Graph& graph) {
    const auto is_output = [&](const std::string& name) {
        return std::ranges::find(graph.outputs, name, &ValueInfo::name) != graph.outputs.end();
    };
    std::vector<Node> kept;
    for (Node& node : graph.nodes) {
        if (node.outputs.size() == 1 && !is_output(node.outputs[0])) {
            Constant value;
            if (node.is("Constant")) value = constant_value(node);
            if (node.is("Identity") && node.has_input(0))
                if (const auto found = graph.initializers.find(node.inputs[0]); found != graph.initializers.end())
                    value = found->second;
            if (value) {
                graph.initializers[node.outputs[0]] = value;
                continue;
            }
        }
        kept.push_back(std::move(node));
    }
    graph.nodes = std::move(kept);
    rewrite_bodies(graph, fold_constants);
}

}  // namespace whence::graph
