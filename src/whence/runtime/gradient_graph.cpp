#include "whence/runtime/gradient_graph.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/graph/builder.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/passes/passes.h"
#include "whence/runtime/annotate.h"

namespace whence::runtime {
namespace {

using graph::Builder;
using graph::Graph;

// Adds an input holding one class number for all rows; returns it as a column [1, 1].
std::string class_input(Graph& graph, Builder& b, const char* name) {
    graph::ValueInfo info{.name = name, .type = ElementType::int64};
    info.shape = {graph::Dimension{1, ""}};
    graph.inputs.push_back(info);
    return b.reshape(name, b.ints({1, 1}));
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

// Scores as a matrix, one row each.
std::string flattened(Builder& b, const std::string& scores) {
    const auto shape = b.graph().value(scores).shape;
    if (shape && shape->size() == 2) return scores;
    return b.reshape(scores, b.concat({b.shape(scores, 0, 1), b.ints({-1})}, 0));
}

// The classes a request asks about, each as a column, or one number for all rows.
struct Classes {
    std::string index, minus;  ///< minus: empty if nothing is subtracted
};

Classes classes_of(const GradientRequest& request, Builder& b, const std::string& flat) {
    return {request.index ? class_input(b.graph(), b, index_input)
                          : b.node("ArgMax", {flat}, {{"axis", int64_t{1}}, {"keepdims", int64_t{1}}}),
            request.minus ? class_input(b.graph(), b, minus_input) : ""};
}

std::string target_of(Builder& b, const std::string& flat, const Classes& classes) {
    const std::string target = picked(b, flat, classes.index);
    return classes.minus.empty() ? target : b.sub(target, picked(b, flat, classes.minus));
}

// d target / d scores
std::string seed_of(Builder& b, const std::string& scores, const std::string& flat, const Classes& classes, ElementType type) {
    std::string seed = one_hot(b, classes.index, flat, type);
    if (!classes.minus.empty()) seed = b.sub(seed, one_hot(b, classes.minus, flat, type));
    seed = b.node("Expand", {seed, b.shape(flat)});
    return flat == scores ? seed : b.reshape(seed, b.shape(scores));
}

void check_names(const Graph& graph, const GradientRequest& request) {
    const std::vector<std::string> scored = {request.output};
    for (const auto* names : {&scored, &request.values, &request.gradients})
        for (const std::string& name : *names)
            if (!graph.contains(name))
                throw Error(ErrorKind::usage, "no tensor '" + printable(name) + "' in the model");
}

void check_connected(const GradientRequest& request, const std::vector<std::string>& gradients) {
    for (size_t i = 0; i < gradients.size(); ++i)
        if (gradients[i].empty())
            throw Error(ErrorKind::unsupported, "output '" + printable(request.output) +
                                                    "' has no gradient with respect to '" +
                                                    printable(request.gradients[i]) +
                                                    "': nothing differentiable leads from one to the other");
}

// The gradients of the sum of direction * gradient. Where no gradient depends on a tensor its product
// is zero: unlike a gradient that does not exist, that is an answer.
std::vector<std::string> hessian_products(Graph& graph, const GradientRequest& request,
                                          const std::vector<std::string>& gradients, const Run& run) {
    annotate(graph, run);
    Builder b(graph);
    std::vector<std::string> sums(gradients.size());
    for (size_t i = 0; i < gradients.size(); ++i) {
        graph::ValueInfo direction = graph.value(request.gradients[i]);
        direction.name = direction_input + request.gradients[i];
        graph.inputs.push_back(direction);
        const std::vector<std::string> parts = graph::add_gradients(graph, gradients[i], direction.name, request.gradients);
        for (size_t j = 0; j < parts.size(); ++j)
            if (!parts[j].empty()) sums[j] = sums[j].empty() ? parts[j] : b.add(sums[j], parts[j]);
    }
    for (size_t j = 0; j < sums.size(); ++j)
        if (sums[j].empty())
            sums[j] = b.zeros(b.shape(request.gradients[j]), graph.value(request.gradients[j]).type.value_or(ElementType::float32));
    return sums;
}

graph::Reference reference_of(Graph& graph, const Run& run) {
    const std::vector<std::string> compared = compared_inputs(graph);
    if (compared.empty())
        throw Error(ErrorKind::unsupported, "DeepLIFT compares inputs that hold numbers with a fraction, and the "
                                            "model has none; explain a layer instead, such as the embedding");
    if (graph::split_for_multipliers(graph)) annotate(graph, run);
    return graph::add_reference(graph, compared);
}

}  // namespace

std::vector<std::string> compared_inputs(const Graph& graph) {
    std::vector<std::string> names;
    for (const graph::ValueInfo& input : graph.inputs)
        if (input.type == ElementType::float32 || input.type == ElementType::float64) names.push_back(input.name);
    return names;
}

Graph gradient_graph(const Graph& forward, const GradientRequest& request, const Run& run, bool twice) {
    Graph graph = forward;
    check_names(graph, request);
    const std::string scores = graph::scores_in(graph, request.output, request.scale);
    const bool compares = request.rules == Rules::deep_lift;
    const graph::Reference reference = compares ? reference_of(graph, run) : graph::Reference{};
    Builder b(graph);
    const ElementType type = forward.value(request.output).type.value_or(ElementType::float32);
    const std::string flat = flattened(b, scores);
    const Classes classes = classes_of(request, b, flat);
    const std::string target = target_of(b, flat, classes);
    const std::string seed = seed_of(b, scores, flat, classes, type);
    const std::string reference_target = compares ? target_of(b, flattened(b, reference.of(scores)), classes) : "";
    const std::vector<std::string> gradients =
        request.gradients.empty() ? std::vector<std::string>{}
                                  : graph::add_gradients(graph, scores, seed, request.gradients,
                                                         {request.rules, compares ? &reference : nullptr, twice});
    check_connected(request, gradients);
    const std::vector<std::string> products = twice ? hessian_products(graph, request, gradients, run) : std::vector<std::string>{};
    graph.outputs.clear();
    add_output(graph, b, b.reshape(target, b.ints({-1})));
    const std::string rows = b.concat({b.shape(flat, 0, 1), b.ints({1})}, 0);
    add_output(graph, b, b.reshape(b.node("Expand", {classes.index, rows}), b.ints({-1})));
    if (compares) add_output(graph, b, b.reshape(reference_target, b.ints({-1})));
    for (const std::string& value : request.values) add_output(graph, b, value);
    for (const std::string& gradient : gradients) add_output(graph, b, gradient);
    for (const std::string& product : products) add_output(graph, b, product);
    graph::remove_unused(graph);
    graph::sort_nodes(graph);
    graph::verify(graph);
    return graph;
}

}  // namespace whence::runtime
