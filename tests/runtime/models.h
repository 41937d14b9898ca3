#pragma once
// Small models, built in memory.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "whence/core/rng.h"
#include "whence/graph/builder.h"
#include "whence/graph/graph.h"
#include "whence/graph/io.h"
#include "whence/runtime/onnx_model.h"

namespace whence::testing {

inline graph::ValueInfo value_info(const std::string& name, ElementType type, const Shape& shape) {
    graph::ValueInfo info{.name = name, .type = type};
    info.shape.emplace();
    for (const int64_t length : shape) info.shape->push_back({length, length < 0 ? "N" : ""});
    return info;
}

inline graph::Graph empty_graph(std::vector<graph::ValueInfo> inputs) {
    graph::Graph graph;
    graph.name = "test";
    graph.opsets[""] = 18;
    graph.inputs = std::move(inputs);
    return graph;
}

/// Names the tensor that is `tensor` now, and makes it an output.
inline void add_output(graph::Graph& graph, const std::string& tensor, const std::string& name,
                       const graph::ValueInfo& info) {
    graph::Node node{.op = "Identity", .inputs = {tensor}, .outputs = {name}};
    graph.nodes.push_back(node);
    graph.outputs.push_back(info);
}

inline OnnxModel load(const graph::Graph& graph, const OnnxModelOptions& options = {}) {
    const std::string bytes = graph::serialize(graph);
    return OnnxModel::parse(std::as_bytes(std::span(bytes.data(), bytes.size())), {}, options);
}

inline Tensor random_tensor(const Shape& shape, uint64_t seed,
                            ElementType type = ElementType::float32) {
    Tensor tensor(ElementType::float64, shape);
    Rng rng(seed, 1, 1);
    for (double& value : tensor.as<double>()) value = rng.normal();
    return tensor.cast(type);
}

/// x [N, 4] -> hidden = tanh(x W + b) [N, 5] -> scores = hidden V [N, 3] (-> softmax), in double so
/// that finite differences tell something.
inline graph::Graph perceptron(int64_t rows, ElementType type = ElementType::float64,
                               bool softmax = false) {
    graph::Graph graph = empty_graph({value_info("x", type, {rows, 4})});
    graph::Builder b(graph);
    const std::string w = b.constant(random_tensor({4, 5}, 1, type)),
                      bias = b.constant(random_tensor({5}, 2, type));
    const std::string v = b.constant(random_tensor({5, 3}, 3, type));
    graph.nodes.push_back({.op = "Tanh",
                           .name = "squash",
                           .inputs = {b.add(b.node("MatMul", {"x", w}), bias)},
                           .outputs = {"hidden"}});
    std::string scores = b.node("MatMul", {"hidden", v});
    if (softmax) scores = b.node("Softmax", {scores}, {{"axis", int64_t{-1}}});
    add_output(graph, scores, "y", value_info("y", type, {rows, 3}));
    return graph;
}

/// A model of one operator from x [rows, 3] to y [rows, 3].
inline graph::Graph single(const std::string& op, graph::Attributes attributes, int64_t rows = -1,
                           ElementType type = ElementType::float32) {
    graph::Graph graph = empty_graph({value_info("x", type, {rows, 3})});
    graph.nodes.push_back({.op = op,
                           .name = "the_node",
                           .inputs = {"x"},
                           .outputs = {"y"},
                           .attributes = std::move(attributes)});
    graph.outputs.push_back(value_info("y", type, {rows, 3}));
    return graph;
}

}  // namespace whence::testing
