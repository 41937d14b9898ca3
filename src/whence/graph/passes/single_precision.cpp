#include <algorithm>

#include "whence/graph/body.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

constexpr int64_t onnx_float32 = 1, onnx_float16 = 10, onnx_bfloat16 = 16;

bool half(std::optional<ElementType> type) {
    return type == ElementType::float16 || type == ElementType::bfloat16;
}

void widen(ValueInfo& info) {
    if (half(info.type)) info.type = ElementType::float32;
}

Constant widened(const Constant& value) {
    return half(value->type()) ? std::make_shared<const Tensor>(value->cast(ElementType::float32))
                               : value;
}

void widen(Graph& graph);

// Attributes that hold a tensor or a graph, or name a type.
void widen(Node& node) {
    for (auto& [key, attribute] : node.attributes) {
        if (auto* constant = std::get_if<Constant>(&attribute)) *constant = widened(*constant);
        if (auto* body = std::get_if<Body>(&attribute)) {
            Graph wide = **body;
            widen(wide);
            *body = std::make_shared<const Graph>(std::move(wide));
        }
        const bool names_type =
            key == "to" || key == "dtype" || key == "stash_type" || key == "softmax_precision";
        if (auto* number = std::get_if<int64_t>(&attribute); number && names_type)
            if (*number == onnx_float16 || *number == onnx_bfloat16) *number = onnx_float32;
    }
}

void widen(Graph& graph) {
    for (ValueInfo& input : graph.inputs) widen(input);
    for (ValueInfo& output : graph.outputs) widen(output);
    for (auto& [name, info] : graph.values) widen(info);
    for (auto& [name, constant] : graph.initializers) constant = widened(constant);
    for (Node& node : graph.nodes) widen(node);
}

bool has_half(const Graph& graph) {
    const auto info = [](const ValueInfo& value) { return half(value.type); };
    return std::ranges::any_of(graph.inputs, info) || std::ranges::any_of(graph.outputs, info) ||
           std::ranges::any_of(graph.initializers,
                               [](const auto& entry) { return half(entry.second->type()); }) ||
           std::ranges::any_of(graph.nodes, [](const Node& node) {
               return std::ranges::any_of(bodies(node), [](const auto& entry) { return has_half(*entry.second); });
           });
}

// What is carried through unread could be of half precision.
bool has_opaque(const Graph& graph) {
    return std::ranges::any_of(graph.nodes, [](const Node& node) {
        return std::ranges::any_of(node.attributes, [](const auto& entry) { return std::holds_alternative<Opaque>(entry.second); }) ||
               std::ranges::any_of(bodies(node), [](const auto& entry) { return has_opaque(*entry.second); });
    });
}

}  // namespace

bool compute_in_single_precision(Graph& graph) {
    if (!has_half(graph) || has_opaque(graph)) return false;
    widen(graph);
    return true;
}

}  // namespace whence::graph
