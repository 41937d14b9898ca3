#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

// What a normalisation does to each channel, in double: (y - mean) factor + shift, factor = scale / sqrt(var + eps).
struct Scaling {
    std::vector<double> factor, mean, shift;
};

std::optional<Scaling> scaling_of(const Graph& graph, const Node& norm, int64_t channels) {
    std::vector<std::vector<double>> parameters;
    for (size_t i = 1; i < 5; ++i) {
        const Tensor* parameter = norm.has_input(i) ? graph.constant(norm.inputs[i]) : nullptr;
        if (!parameter || parameter->size() != channels) return std::nullopt;
        parameters.push_back(parameter->to_doubles());
    }
    const double epsilon = norm.number("epsilon", 1e-5F);
    std::vector<double> factor = std::move(parameters[0]);
    for (size_t c = 0; c < factor.size(); ++c) factor[c] /= std::sqrt(parameters[3][c] + epsilon);
    return Scaling{std::move(factor), std::move(parameters[2]), std::move(parameters[1])};
}

// W' = W factor, b' = (b - mean) factor + shift: made once where they are constants, by nodes where they are
// inputs of the graph.
class Folding {
  public:
    Folding(Builder& builder, const Scaling& scaling, const ValueInfo& weights)
        : b_(builder), scaling_(scaling), type_(weights.type.value_or(ElementType::float32)) {}

    std::string weights(const std::string& name) {
        const ValueInfo info = b_.graph().value(name);
        Shape shape = info.lengths();
        if (const Tensor* known = b_.graph().constant(name)) {
            std::vector<double> w = known->to_doubles();
            const size_t per_channel = w.size() / scaling_.factor.size();
            for (size_t i = 0; i < w.size(); ++i) w[i] *= scaling_.factor[i / per_channel];
            return made(shape, w);
        }
        std::fill(shape.begin() + 1, shape.end(), 1);
        return like(info, b_.mul(name, made(shape, scaling_.factor)));
    }

    std::string bias(const std::string& name) {
        const Tensor* known = name.empty() ? nullptr : b_.graph().constant(name);
        const Shape shape = {std::ssize(scaling_.factor)};
        if (known || name.empty()) {
            std::vector<double> b = known ? known->to_doubles() : std::vector<double>(scaling_.factor.size(), 0.0);
            for (size_t c = 0; c < b.size(); ++c) b[c] = (b[c] - scaling_.mean[c]) * scaling_.factor[c] + scaling_.shift[c];
            return made(shape, b);
        }
        const std::string centred = b_.sub(name, made(shape, scaling_.mean));
        const std::string scaled = b_.mul(centred, made(shape, scaling_.factor));
        return like(b_.graph().value(name), b_.add(scaled, made(shape, scaling_.shift)));
    }

  private:
    std::string made(const Shape& shape, const std::vector<double>& values) {
        return b_.constant(Tensor::of<double>(shape, values).cast(type_));
    }
    std::string like(ValueInfo info, const std::string& name) {
        info.name = name;
        b_.graph().values[name] = std::move(info);
        return name;
    }

    Builder& b_;
    const Scaling& scaling_;
    ElementType type_;
};

// Output channels of a convolution that can be scaled; 0 where they are not known, or made by other nodes.
int64_t channels_of(const Graph& graph, const Node& conv) {
    const auto given = [&](size_t i) {
        return !conv.has_input(i) || graph.constant(conv.inputs[i]) || graph.find_input(conv.inputs[i]);
    };
    const Shape weights = graph.value(conv.inputs.at(1)).lengths();
    return given(1) && given(2) && weights.size() >= 3 ? std::max<int64_t>(0, weights[0]) : 0;
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
        const Node conv = graph.nodes[made_by->second];
        if (!conv.is("Conv")) continue;
        const int64_t channels = channels_of(graph, conv);
        const auto scaling = channels > 0 ? scaling_of(graph, norm, channels) : std::nullopt;
        if (!scaling) continue;
        Folding folding(builder, *scaling, graph.value(conv.inputs[1]));
        const std::string weights = folding.weights(conv.inputs[1]);
        const std::string bias = folding.bias(conv.has_input(2) ? conv.inputs[2] : "");
        graph.nodes[made_by->second].inputs = {conv.inputs[0], weights, bias};
        graph.nodes[made_by->second].outputs = {norm.outputs[0]};
        dropped.insert(i);
    }
    std::vector<Node> kept;
    for (size_t i = 0; i < graph.nodes.size(); ++i)
        if (!dropped.count(i)) kept.push_back(std::move(graph.nodes[i]));
    graph.nodes = std::move(kept);
    sort_nodes(graph);
}

}  // namespace whence::graph
