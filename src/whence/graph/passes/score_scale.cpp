#include <algorithm>

#include "whence/core/error.h"
#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

// The node that computes the scores: operators that only copy or reshape are looked through, since
// they keep the elements of a row in order.
const Node* scoring_node(const Graph& graph, std::string tensor) {
    const Node* node = graph.producer(tensor);
    while (node && (node->is("Identity") || node->is("Reshape") || node->is("Flatten") || node->is("Squeeze")) &&
           node->has_input(0))
        node = graph.producer(node->inputs[0]);
    return node;
}

// A Softmax over the classes of a row, not over something else.
bool over_classes(const Graph& graph, const Node& node) {
    const auto shape = graph.value(node.outputs.at(0)).shape.value_or(std::vector<Dimension>(2));
    const int64_t axis = node.integer("axis", graph.opset() < 13 ? 1 : -1);
    if (axis != 1 && axis + static_cast<int64_t>(shape.size()) != 1) return false;
    return std::all_of(shape.begin() + std::min<size_t>(2, shape.size()), shape.end(),
                       [](const Dimension& d) { return d.length == 1; });
}

bool contains_word(std::string text, const char* word) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text.find(word) != std::string::npos;
}

}  // namespace

Scale output_scale(const Graph& graph, const std::string& output) {
    const Node* node = scoring_node(graph, output);
    if (!node) return Scale::raw;
    if (node->is("Softmax") && over_classes(graph, *node)) return Scale::probability;
    if (node->is("LogSoftmax") && over_classes(graph, *node)) return Scale::log_probability;
    if (node->is("Sigmoid")) return Scale::probability;
    // Classical classifiers: by the name that every converter gives the scores.
    const bool classical = std::ranges::any_of(graph.nodes, [](const Node& n) { return n.domain == "ai.onnx.ml"; });
    return classical && contains_word(output, "prob") ? Scale::probability : Scale::raw;
}

std::string scores_in(Graph& graph, const std::string& output, Scale wanted) {
    const Scale have = output_scale(graph, output);
    if (wanted == have || wanted == Scale::raw || (have == Scale::raw && wanted == Scale::logit)) return output;
    Builder builder(graph);
    const Node* node = scoring_node(graph, output);
    const bool sigmoid = have == Scale::probability && node && node->is("Sigmoid");
    std::string logits = output;
    if (have != Scale::raw) {
        if (!node || !node->has_input(0) || !(node->is("Softmax") || node->is("LogSoftmax") || sigmoid))
            throw Error(ErrorKind::unsupported, "output '" + printable(output) + "' has no " +
                                                    std::string(name(wanted)) + ": nothing in the model says how to get it");
        logits = node->inputs[0];
        if (wanted == Scale::logit) return logits;
    }
    const auto shape = graph.value(output).shape;
    if (sigmoid || (have == Scale::raw && shape && shape->size() == 2 && (*shape)[1].length == 1)) {
        const std::string p = builder.node("Sigmoid", {logits});
        return wanted == Scale::probability ? p : builder.node("Log", {p});
    }
    const std::string flat = builder.node("Flatten", {logits}, {{"axis", int64_t{1}}});
    return builder.node(wanted == Scale::probability ? "Softmax" : "LogSoftmax", {flat}, {{"axis", int64_t{1}}});
}

}  // namespace whence::graph
