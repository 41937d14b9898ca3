#include "whence/runtime/gradient_graph.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/graph/builder.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/passes/passes.h"

namespace whence::runtime {
namespace {

using graph::Builder;
using graph::Graph;

// Adds an input holding one class number for all rows, or one for each; returns it as a column.
std::string class_input(Graph& graph, Builder& b, const char* name) {
    graph::ValueInfo info{.name = name, .type = ElementType::int64};
    info.shape = {graph::Dimension{-1, ""}};
    graph.inputs.push_back(info);
    return b.reshape(name, b.ints({-1, 1}));
}

// 1 in the column of the class, 0 elsewhere, for each row.
std::string one_hot(Builder& b, const std::string& classes, const std::string& scores, ElementType type) {
    const std::string count = b.reshape(b.shape(scores, 1, 2), b.ints({}));
    const std::string columns = b.node("Range", {b.integer(0), count, b.integer(1)});
    return b.cast(b.node("Equal", {columns, classes}), type);
}

std::string picked(Builder& b, const std::string& scores, const std::string& classes) {
    const std::string rows = b.concat({b.shape(scores, 0, 1), b.ints({1})}, 0);
    const std::string column = b.node("Expand", {classes, rows});
    return b.node("GatherElements", {scores, column}, {{"axis", int64_t{1}}});
}

// An output under a name of its own: inputs and shared tensors cannot be outputs twice.
void add_output(Graph& graph, Builder& b, const std::string& tensor) {
    graph.outputs.push_back({.name = b.node("Identity", {tensor})});
}

}  // namespace

Graph gradient_graph(const Graph& forward, const GradientRequest& request) {
    Graph graph = forward;
    const std::vector<std::string> scored = {request.output};
    for (const auto* names : {&scored, &request.values, &request.gradients})
        for (const std::string& name : *names)
            if (!graph.contains(name))
                throw Error(ErrorKind::usage, "no tensor '" + printable(name) + "' in the model");
    Builder b(graph);
    const std::string scores = graph::scores_in(graph, request.output, request.scale);
    const ElementType type = forward.value(request.output).type.value_or(ElementType::float32);
    const auto shape = graph.value(scores).shape;
    const bool matrix = shape && shape->size() == 2;
    const std::string flat = matrix ? scores : b.reshape(scores, b.concat({b.shape(scores, 0, 1), b.ints({-1})}, 0));

    const std::string index = request.index
        ? class_input(graph, b, index_input)
        : b.node("ArgMax", {flat}, {{"axis", int64_t{1}}, {"keepdims", int64_t{1}}});
    std::string target = picked(b, flat, index);
    std::string seed = one_hot(b, index, flat, type);
    if (request.minus) {
        const std::string minus = class_input(graph, b, minus_input);
        target = b.sub(target, picked(b, flat, minus));
        seed = b.sub(seed, one_hot(b, minus, flat, type));
    }
    seed = b.node("Expand", {seed, b.shape(flat)});
    if (!matrix) seed = b.reshape(seed, b.shape(scores));

    const std::vector<std::string> gradients =
        request.gradients.empty() ? std::vector<std::string>{}
                                  : graph::add_gradients(graph, scores, seed, request.gradients);
    for (size_t i = 0; i < gradients.size(); ++i)
        if (gradients[i].empty())
            throw Error(ErrorKind::unsupported, "output '" + printable(request.output) +
                                                    "' has no gradient with respect to '" +
                                                    printable(request.gradients[i]) +
                                                    "': nothing differentiable leads from one to the other");
    graph.outputs.clear();
    add_output(graph, b, b.reshape(target, b.ints({-1})));
    const std::string rows = b.concat({b.shape(flat, 0, 1), b.ints({1})}, 0);
    add_output(graph, b, b.reshape(b.node("Expand", {index, rows}), b.ints({-1})));
    for (const std::string& value : request.values) add_output(graph, b, value);
    for (const std::string& gradient : gradients) add_output(graph, b, gradient);
    graph::remove_unused(graph);
    graph::sort_nodes(graph);
    graph::verify(graph);
    return graph;
}

}  // namespace whence::runtime
