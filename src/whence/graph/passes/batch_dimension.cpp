#include <algorithm>

#include "whence/graph/body.h"
#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

constexpr const char* batch_symbol = "N";

// Reshape to [1, ...] becomes [-1, ...], or [0, ...] (as long as before) where -1 is taken.
void free_reshape(Graph& graph, Builder& builder, Node& node) {
    const Tensor* shape = node.has_input(1) ? graph.constant(node.inputs[1]) : nullptr;
    if (!shape || shape->type() != ElementType::int64 || shape->size() < 2) return;
    const auto values = shape->as<int64_t>();
    std::vector<int64_t> freed(values.begin(), values.end());
    if (freed[0] != 1) return;
    const bool computed = std::ranges::find(freed, -1) != freed.end();
    if (computed && node.integer("allowzero", 0) != 0) return;
    freed[0] = computed ? 0 : -1;
    node.inputs[1] = builder.ints(freed);
}

// A constant row (a class token) beside rows of the batch is repeated for each of them.
void repeat_constant_rows(Graph& graph, Builder& builder, Node& node) {
    if (node.integer("axis", 0) == 0) return;
    std::string row;
    for (const std::string& input : node.inputs)
        if (!graph.constant(input)) row = input;
    if (row.empty()) return;
    for (std::string& input : node.inputs) {
        const Tensor* value = graph.constant(input);
        if (!value || value->rank() < 2 || value->shape()[0] != 1) continue;
        std::vector<int64_t> rest(value->rank() - 1, 1);
        const std::string first = builder.node(
            "Slice", {builder.node("Shape", {row}), builder.ints({0}), builder.ints({1})});
        input = builder.node("Expand", {input, builder.concat({first, builder.ints(rest)}, 0)});
    }
}

// Rows whose number bodies state.
void free_bodies(Graph& graph) {
    for (Node& node : graph.nodes)
        for (const auto& [key, body] : bodies(node)) {
            Graph freed = *body;
            for (auto* infos : {&freed.inputs, &freed.outputs})
                for (ValueInfo& info : *infos)
                    if (info.shape && !info.shape->empty() && (*info.shape)[0].length == 1) (*info.shape)[0] = {};
            freed.values.clear();
            free_bodies(freed);
            set_body(node, key, std::move(freed));
        }
}

}  // namespace

bool free_batch_dimension(Graph& graph) {
    const auto fixed = [](const ValueInfo& info) {
        return info.shape && !info.shape->empty() && (*info.shape)[0].length == 1;
    };
    if (graph.inputs.empty() || !std::ranges::all_of(graph.inputs, fixed)) return false;
    for (ValueInfo& input : graph.inputs) (*input.shape)[0] = {-1, batch_symbol};
    for (ValueInfo& output : graph.outputs) output.shape.reset();
    graph.values.clear();  // what was known of lengths holds no more
    free_bodies(graph);
    std::vector<Node> nodes = std::move(graph.nodes);
    graph.nodes.clear();
    Builder builder(graph);
    for (Node& node : nodes) {
        if (node.is("Reshape")) free_reshape(graph, builder, node);
        if (node.is("Concat")) repeat_constant_rows(graph, builder, node);
        graph.nodes.push_back(std::move(node));
    }
    return true;
}

}  // namespace whence::graph
