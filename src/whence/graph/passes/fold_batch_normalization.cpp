#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

struct Folded {
    Tensor weights, bias;
};

// W' = W s, b' = (b - mean) s + B with s = scale / sqrt(var + eps), per output channel, in double.
std::optional<Folded> fold(const Graph& graph, const Node& conv, const Node& norm) {
    const Tensor* weights = graph.constant(conv.inputs.at(1));
    const Tensor* bias = conv.has_input(2) ? graph.constant(conv.inputs[2]) : nullptr;
    if (!weights || (conv.has_input(2) && !bias) || weights->rank() < 3) return std::nullopt;
    std::vector<std::vector<double>> parameters;
    for (size_t i = 1; i < 5; ++i) {
        const Tensor* parameter = norm.has_input(i) ? graph.constant(norm.inputs[i]) : nullptr;
        if (!parameter || parameter->size() != weights->shape()[0]) return std::nullopt;
        parameters.push_back(parameter->to_doubles());
    }
    const std::vector<double>&scale = parameters[0], &shift = parameters[1], &mean = parameters[2],
                             &variance = parameters[3];
    const double epsilon = norm.number("epsilon", 1e-5F);
    std::vector<double> w = weights->to_doubles();
    std::vector<double> b = bias ? bias->to_doubles() : std::vector<double>(scale.size(), 0.0);
    const size_t per_channel = w.size() / scale.size();
    for (size_t c = 0; c < scale.size(); ++c) {
        const double factor = scale[c] / std::sqrt(variance[c] + epsilon);
        for (size_t i = 0; i < per_channel; ++i) w[c * per_channel + i] *= factor;
        b[c] = (b[c] - mean[c]) * factor + shift[c];
    }
    return Folded{Tensor::of<double>(weights->shape(), w).cast(weights->type()),
                  Tensor::of<double>({static_cast<int64_t>(b.size())}, b).cast(weights->type())};
}

}  // namespace

void fold_batch_normalization(Graph& graph, const std::set<std::string>& keep) {
    std::unordered_map<std::string, size_t> uses, maker;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        for (const std::string& input : graph.nodes[i].inputs) ++uses[input];
        for (const std::string& capture : graph.nodes[i].captures) ++uses[capture];
        for (const std::string& output : graph.nodes[i].outputs) maker[output] = i;
    }
    for (const ValueInfo& output : graph.outputs) ++uses[output.name];
    Builder builder(graph);
    std::set<size_t> dropped;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        const Node norm = graph.nodes[i];
        if (!norm.is("BatchNormalization") || norm.integer("training_mode", 0) != 0) continue;
        if (std::ranges::count(norm.outputs, "") + 1 != std::ssize(norm.outputs)) continue;  // statistics, too
        const std::string& between = norm.inputs.at(0);
        const auto made_by = maker.find(between);
        if (made_by == maker.end() || uses[between] != 1 || keep.count(between)) continue;
        Node& conv = graph.nodes[made_by->second];
        if (!conv.is("Conv")) continue;
        const auto folded = fold(graph, conv, norm);
        if (!folded) continue;
        const std::string weights = builder.constant(folded->weights), bias = builder.constant(folded->bias);
        conv.inputs = {conv.inputs[0], weights, bias};
        conv.outputs = {norm.outputs[0]};
        dropped.insert(i);
    }
    std::vector<Node> kept;
    for (size_t i = 0; i < graph.nodes.size(); ++i)
        if (!dropped.count(i)) kept.push_back(std::move(graph.nodes[i]));
    graph.nodes = std::move(kept);
}

}  // namespace whence::graph
