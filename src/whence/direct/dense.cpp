// Dense networks: chains of linear layers and functions of single numbers, read from graphs.

#include <algorithm>
#include <optional>

#include "whence/direct/dense_network.h"
#include "whence/direct/parts.h"

namespace whence::direct {
namespace {

using graph::Graph;
using graph::Node;

constexpr int64_t most_weights = int64_t{1} << 18;

// A constant of one number, or one for each of `width` columns; nothing else.
std::optional<std::vector<double>> per_column(const Tensor* constant, int64_t width) {
    if (!constant || constant->type() != ElementType::float32) return std::nullopt;
    const Shape& shape = constant->shape();
    const bool row =
        constant->size() == width && !shape.empty() && shape.back() == width && shape.size() <= 2;
    if (constant->size() == 1 && shape.size() <= 2)
        return std::vector<double>(width, constant->to_doubles()[0]);
    return row ? std::optional(constant->to_doubles()) : std::nullopt;
}

// Reads node after node. Scales and shifts of columns go into the linear layer beside them: those
// before the first wait for it.
class Reader {
  public:
    Reader(const Graph& graph, int64_t columns)
        : graph_(graph), scale_(columns, 1.0), shift_(columns, 0.0) {}

    // False for a node that is not of the form.
    bool take(const Node& node, const std::string& from) {
        if (node.is("Identity")) return true;
        if (node.is("Flatten"))
            return node.integer("axis", 1) == 1 || node.integer("axis", 1) == -1;
        if (node.is("Gemm") || node.is("MatMul"))
            return node.inputs[0] == from && take_linear(node);
        if (node.is("Add") || node.is("Sub") || node.is("Mul") || node.is("Div"))
            return take_columns(node, from);
        return take_function(node);
    }
    [[nodiscard]] std::vector<Layer> layers() && { return std::move(layers_); }

  private:
    [[nodiscard]] int64_t width() const {
        return layers_.empty() ? static_cast<int64_t>(scale_.size()) : layers_.back().out;
    }
    [[nodiscard]] bool linear_last() const {
        return !layers_.empty() && layers_.back().function == Function::none;
    }

    bool take_linear(const Node& node) {
        const Tensor* weights = graph_.constant(node.inputs.at(1));
        if (!weights || weights->type() != ElementType::float32 || weights->rank() != 2 ||
            weights->size() > most_weights || node.integer("transA", 0) != 0)
            return false;
        const bool turned = node.integer("transB", 0) != 0;
        Layer layer;
        layer.in = weights->shape()[turned];
        layer.out = weights->shape()[!turned];
        if (layer.in != width() || layer.out < 1) return false;
        const double alpha = node.number("alpha", 1), beta = node.number("beta", 1);
        const std::vector<double> given = weights->to_doubles();
        layer.weights.resize(given.size());
        for (int64_t i = 0; i < layer.in; ++i)
            for (int64_t o = 0; o < layer.out; ++o)
                layer.weights[i * layer.out + o] =
                    alpha * given[turned ? o * layer.in + i : i * layer.out + o];
        layer.bias.assign(layer.out, 0);
        if (node.has_input(2)) {
            const auto bias = per_column(graph_.constant(node.inputs[2]), layer.out);
            if (!bias) return false;
            for (int64_t o = 0; o < layer.out; ++o) layer.bias[o] = beta * (*bias)[o];
        }
        if (layers_.empty())
            for (int64_t i = 0; i < layer.in; ++i)
                for (int64_t o = 0; o < layer.out; ++o) {
                    layer.bias[o] += shift_[i] * layer.weights[i * layer.out + o];
                    layer.weights[i * layer.out + o] *= scale_[i];
                }
        layers_.push_back(std::move(layer));
        return true;
    }

    bool take_columns(const Node& node, const std::string& from) {
        const bool first = node.inputs[0] == from;
        const auto constant = per_column(graph_.constant(node.inputs[first ? 1 : 0]), width());
        if (!constant || (!layers_.empty() && !linear_last()) || (!first && node.is("Div")))
            return false;
        for (int64_t c = 0; c < width(); ++c) {
            const double value = (*constant)[c];
            double factor = 1, addend = 0;
            if (node.is("Add")) addend = value;
            if (node.is("Sub")) addend = first ? -value : value, factor = first ? 1 : -1;
            if (node.is("Mul")) factor = value;
            if (node.is("Div")) factor = 1 / value;
            apply(c, factor, addend);
        }
        return true;
    }

    void apply(int64_t column, double factor, double addend) {
        if (layers_.empty()) {
            scale_[column] *= factor;
            shift_[column] = shift_[column] * factor + addend;
            return;
        }
        Layer& layer = layers_.back();
        for (int64_t i = 0; i < layer.in; ++i) layer.weights[i * layer.out + column] *= factor;
        layer.bias[column] = layer.bias[column] * factor + addend;
    }

    bool take_function(const Node& node) {
        if (!linear_last()) return false;
        Function& function = layers_.back().function;
        if (node.is("Relu")) function = Function::relu;
        if (node.is("Tanh")) function = Function::tanh;
        if (node.is("Sigmoid")) function = Function::sigmoid;
        if (node.is("Softmax") && (node.integer("axis", graph_.opset() < 13 ? 1 : -1) == -1 ||
                                   node.integer("axis", 1) == 1))
            function = Function::softmax;
        return function != Function::none;
    }

    const Graph& graph_;
    std::vector<double> scale_, shift_;
    std::vector<Layer> layers_;
};

}  // namespace

std::shared_ptr<const MaskedScorer> read_dense(const Graph& graph) {
    const MatrixInput input = flattened_input(graph);
    if (input.columns == 0 || graph.outputs.size() != 1 || graph.nodes.empty()) return nullptr;
    Reader reader(graph, input.columns);
    std::string from = input.name;
    for (const Node& node : graph.nodes) {
        const auto uses = std::ranges::count(node.inputs, from);
        if (uses != 1 || node.outputs.empty() || !reader.take(node, from)) return nullptr;
        from = node.outputs[0];
    }
    std::vector<Layer> layers = std::move(reader).layers();
    if (from != graph.outputs[0].name || layers.empty()) return nullptr;
    return scorer_of(input, std::move(from), layers);
}

}  // namespace whence::direct
