#include "whence/graph/randomise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence::graph {
namespace {

constexpr uint32_t weight_stream = 0x77656967;

bool has_fraction(const Tensor* tensor) {
    return tensor && tensor->size() > 0 &&
           (tensor->type() == ElementType::float32 || tensor->type() == ElementType::float64);
}

double bound_of(int64_t fan_in) {
    return 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, fan_in)));
}

class Finder {
 public:
    explicit Finder(const Graph& graph) : graph_(graph) {}

    std::vector<WeightedLayer> find() {
        for (const Node& node : graph_.nodes) {
            if (!node.domain.empty() || node.outputs.empty()) continue;
            if (node.op == "Conv" || node.op == "ConvTranspose") {
                // Of [to, from/group, ...] and [from, to/group, ...] alike PyTorch counts the second axis.
                if (const Tensor* w = weight(node, 1))
                    add(node, {1, 2}, bound_of(w->size() / std::max<int64_t>(1, w->rows())));
            } else if (node.op == "Gemm") {
                if (const Tensor* w = weight(node, 1); w && w->rank() == 2)
                    add(node, {1, 2}, bound_of(w->shape()[node.integer("transB", 0) != 0 ? 1 : 0]));
            } else if (node.op == "MatMul") {
                add_matmul(node);
            } else if (node.op == "Gather") {
                if (const Tensor* w = weight(node, 0); w && w->rank() >= 2) add(node, {0}, 0);
            } else if (node.op == "LSTM" || node.op == "GRU" || node.op == "RNN") {
                add(node, {1, 2, 3}, 0);
            }
        }
        return std::move(layers_);
    }

 private:
    [[nodiscard]] const Tensor* weight(const Node& node, size_t input) const {
        const Tensor* tensor = node.has_input(input) ? graph_.constant(node.inputs[input]) : nullptr;
        return has_fraction(tensor) ? tensor : nullptr;
    }

    void add(const Node& node, std::initializer_list<size_t> inputs, double bound) {
        WeightedLayer layer{.name = node.outputs[0], .op = node.op, .bound = bound};
        for (const size_t input : inputs)
            if (weight(node, input) && taken_.insert(node.inputs[input]).second)
                layer.weights.push_back(node.inputs[input]);
        if (!layer.weights.empty()) layers_.push_back(std::move(layer));
    }

    void add_matmul(const Node& node) {
        for (const size_t side : {size_t{1}, size_t{0}}) {
            const Tensor* w = weight(node, side);
            if (!w || w->rank() < 2) continue;
            const int64_t fan_in = w->shape()[w->rank() - (side == 1 ? 2 : 1)];
            const size_t before = layers_.size();
            add(node, {side}, bound_of(fan_in));
            if (layers_.size() > before) add_bias(layers_.back());
            return;
        }
    }

    // A vector added right after a product is its bias.
    void add_bias(WeightedLayer& layer) {
        for (const Node& node : graph_.nodes) {
            if (!node.is("Add") || node.inputs.size() != 2) continue;
            for (const size_t side : {size_t{0}, size_t{1}}) {
                const Tensor* bias = weight(node, 1 - side);
                if (node.inputs[side] != layer.name || !bias || bias->rank() > 1) continue;
                if (taken_.insert(node.inputs[1 - side]).second)
                    layer.weights.push_back(node.inputs[1 - side]);
                layer.name = node.outputs[0];
                return;
            }
        }
    }

    const Graph& graph_;
    std::vector<WeightedLayer> layers_;
    std::set<std::string> taken_;
};

Tensor drawn(const Tensor& old, double bound, uint64_t seed, uint64_t index) {
    Tensor fresh(ElementType::float64, old.shape());
    const std::span<double> values = fresh.as<double>();
    Rng rng(seed, weight_stream, index);
    if (bound > 0) {
        rng.open_uniforms(values);
        for (double& value : values) value = bound * (2 * value - 1);
        return fresh.cast(old.type());
    }
    const std::vector<double> was = old.to_doubles();
    double mean = 0, squares = 0;
    for (const double value : was) mean += value;
    mean /= static_cast<double>(was.size());
    for (const double value : was) squares += (value - mean) * (value - mean);
    const double sd = std::sqrt(squares / static_cast<double>(was.size()));
    rng.normals(values);
    for (double& value : values) value = mean + sd * value;
    return fresh.cast(old.type());
}

Constants drawn(const Graph& graph, const WeightedLayer& layer, int64_t number, uint64_t seed) {
    Constants out;
    for (size_t w = 0; w < layer.weights.size(); ++w)
        out[layer.weights[w]] = std::make_shared<const Tensor>(
            drawn(*graph.constant(layer.weights[w]), layer.bound, seed, static_cast<uint64_t>(number) << 8 | w));
    return out;
}

void require_layer(int64_t number, int64_t layers) {
    if (number < 0 || number >= layers)
        throw Error(ErrorKind::usage,
                    fmt::format("there is no layer {} with weights: the model has {}", number, layers));
}

}  // namespace

std::vector<WeightedLayer> weighted_layers(const Graph& graph) {
    return Finder(graph).find();
}

Graph randomise(const Graph& graph, std::span<const int64_t> layers, uint64_t seed) {
    const std::vector<WeightedLayer> all = weighted_layers(graph);
    Graph out = graph;
    for (const int64_t number : layers) {
        require_layer(number, std::ssize(all));
        for (auto& [name, weights] : drawn(graph, all[number], number, seed))
            out.initializers.at(name) = weights;
    }
    return out;
}

RandomisedWeights::RandomisedWeights(const Graph& graph, uint64_t seed) {
    for (const WeightedLayer& layer : weighted_layers(graph)) {
        drawn_.push_back(drawn(graph, layer, std::ssize(drawn_), seed));
        Constants& as_they_were = trained_.emplace_back();
        for (const std::string& name : layer.weights) as_they_were[name] = graph.initializers.at(name);
    }
}

Constants RandomisedWeights::with(std::span<const int64_t> layers) const {
    Constants out;
    for (const Constants& layer : trained_) out.insert(layer.begin(), layer.end());
    for (const int64_t number : layers) {
        require_layer(number, this->layers());
        for (const auto& [name, weights] : drawn_[number]) out[name] = weights;
    }
    return out;
}

}  // namespace whence::graph
