// Dense networks: chains of linear layers and functions of single numbers.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "whence/direct/dense_kernels.h"
#include "whence/direct/parts.h"

namespace whence::direct {
namespace {

using graph::Graph;
using graph::Node;

constexpr int64_t most_weights = int64_t{1} << 17;
// Tables of the first layer must stay in a core's second cache.
constexpr int64_t most_table_numbers = int64_t{1} << 18;
// Rows that pass through the layers together.
constexpr int64_t block_rows = 64;
constexpr int64_t narrow = 4;

enum class Function { none, relu, tanh, sigmoid, softmax };

// function(in * weights + bias), weights [in][out].
struct Layer {
    int64_t in = 0, out = 0;
    std::vector<double> weights, bias;
    Function function = Function::none;
};

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

// Bit i: whether byte i of `count`, up to 8, is not 0.
uint8_t bits_of(const uint8_t* bytes, int64_t count) {
    uint64_t all = 0;
    std::memcpy(&all, bytes, static_cast<size_t>(count));
    constexpr uint64_t low = 0x7F7F7F7F7F7F7F7F, ones = 0x0101010101010101;
    const uint64_t there = ((((all & low) + low) | all) >> 7) & ones;
    return static_cast<uint8_t>(there * 0x0102040810204080 >> 56);
}

// As the kernels read it: inputs and outputs padded with zeros, few outputs turned.
struct Packed {
    int64_t deep, outputs, width;
    std::vector<float> weights, bias;
    Function function;
    [[nodiscard]] bool is_narrow() const { return outputs <= narrow; }
};

Packed pack(const Layer& layer) {
    Packed out{padded(layer.in), layer.out, padded(layer.out), {}, {}, layer.function};
    out.weights.assign(out.is_narrow() ? out.outputs * out.deep : out.deep * out.width, 0);
    for (int64_t i = 0; i < layer.in; ++i)
        for (int64_t o = 0; o < layer.out; ++o)
            out.weights[out.is_narrow() ? o * out.deep + i : i * out.width + o] =
                static_cast<float>(layer.weights[i * layer.out + o]);
    out.bias.assign(out.width, 0);
    std::ranges::copy(layer.bias, out.bias.begin());
    return out;
}

void apply_function(Function function, float* values, int64_t classes, int64_t width,
                    int64_t rows) {
    switch (function) {
        case Function::none:
            return;
        case Function::relu:
            return relu(values, rows * width);
        case Function::tanh:
            return tanh(values, rows * width);
        case Function::sigmoid:
            return sigmoid(values, rows * width);
        case Function::softmax:
            return softmax(values, classes, width, rows);
    }
}

struct Network {
    int64_t columns;
    std::string output;
    Layer first;
    std::vector<Packed> above;
};

class DenseScores final : public MaskedScores {
  public:
    DenseScores(const Network& network, const LabelMasker& masker)
        : network_(network),
          input_(masker.input().to_doubles()),
          baseline_(masker.baseline().as<float>()),
          labels_(masker.labels()),
          players_(masker.players()),
          groups_(std::max<int64_t>(1, (players_ + group_players - 1) / group_players)),
          width_(padded(network.first.out)) {}

    [[nodiscard]] int64_t classes() const override {
        return network_.above.empty() ? network_.first.out : network_.above.back().outputs;
    }
    [[nodiscard]] int64_t table_numbers() const { return groups_ * group_sums * width_; }

    void scores(MatrixView<const uint8_t> present, int64_t first, int64_t count,
                std::span<float> out) const override {
        std::vector<uint8_t> index(present.rows * groups_);
        for (int64_t r = 0; r < present.rows; ++r)
            for (int64_t g = 0; g < groups_; ++g) {
                const int64_t player = g * group_players;
                index[r * groups_ + g] = bits_of(present.row(r).data() + player,
                                                 std::min(group_players, players_ - player));
            }
        std::vector<float> tables(table_numbers());
        Scratch scratch(network_, width_);
        for (int64_t way = 0; way < count; ++way) {
            fill_tables(first + way, tables);
            for (int64_t begin = 0; begin < present.rows; begin += block_rows) {
                const int64_t rows = std::min(block_rows, present.rows - begin);
                block(tables, index.data() + begin * groups_, rows, scratch,
                      out.data() + (way * present.rows + begin) * classes());
            }
        }
    }

  private:
    struct Scratch {
        std::vector<float> a, b;
        Scratch(const Network& network, int64_t width) {
            for (const Packed& layer : network.above) width = std::max(width, layer.width);
            a.resize(block_rows * width);
            b.resize(block_rows * width);
        }
    };

    // Entry `sum` of table g: what the players that are bits of `sum` add; the first table holds
    // the answer to the bare filling as well. In double up to here, for weights may take away large
    // means.
    void fill_tables(int64_t filling, std::vector<float>& tables) const {
        const Layer& layer = network_.first;
        std::vector<double> base = layer.bias, delta(groups_ * group_players * layer.out, 0);
        for (int64_t i = 0; i < network_.columns; ++i) {
            const double* w = layer.weights.data() + i * layer.out;
            const double there = input_[i], missing = baseline_[filling * network_.columns + i];
            const double from = labels_[i] < 0 ? there : missing;
            for (int64_t o = 0; o < layer.out; ++o) base[o] += from * w[o];
            if (labels_[i] < 0 || there == missing) continue;
            double* d = delta.data() + labels_[i] * layer.out;
            for (int64_t o = 0; o < layer.out; ++o) d[o] += (there - missing) * w[o];
        }
        std::vector<float> step(width_, 0.0f);
        for (int64_t g = 0; g < groups_; ++g) {
            float* table = tables.data() + g * group_sums * width_;
            std::fill_n(table, width_, 0.0f);
            if (g == 0) std::ranges::copy(base, table);
            for (int64_t bit = 0; bit < group_players; ++bit) {
                const double* d = delta.data() + (g * group_players + bit) * layer.out;
                std::copy_n(d, layer.out, step.begin());
                const int64_t half = int64_t{1} << bit;
                for (int64_t sum = 0; sum < half; ++sum)
                    for (int64_t o = 0; o < width_; ++o)
                        table[(half + sum) * width_ + o] = table[sum * width_ + o] + step[o];
            }
        }
    }

    void block(const std::vector<float>& tables, const uint8_t* index, int64_t rows,
               Scratch& scratch, float* out) const {
        add_sums(tables.data(), index, groups_, width_, rows, scratch.a.data());
        apply_function(network_.first.function, scratch.a.data(), network_.first.out, width_, rows);
        int64_t width = width_;
        for (const Packed& layer : network_.above) {
            const float* in = scratch.a.data();
            if (layer.is_narrow())
                multiply_narrow(in, layer.weights.data(), layer.bias.data(), layer.deep,
                                layer.outputs, layer.width, rows, scratch.b.data());
            else
                multiply(in, layer.weights.data(), layer.bias.data(), layer.deep, layer.width, rows,
                         scratch.b.data());
            apply_function(layer.function, scratch.b.data(), layer.outputs, layer.width, rows);
            std::swap(scratch.a, scratch.b);
            width = layer.width;
        }
        const int64_t all = classes();
        if (all == 1)
            for (int64_t r = 0; r < rows; ++r) out[r] = scratch.a[r * width];
        else
            for (int64_t r = 0; r < rows; ++r)
                std::copy_n(scratch.a.data() + r * width, all, out + r * all);
    }

    const Network& network_;
    std::vector<double> input_;
    std::span<const float> baseline_;
    std::vector<int32_t> labels_;
    int64_t players_, groups_, width_;
};

class DenseScorer final : public MaskedScorer {
  public:
    explicit DenseScorer(Network network) : network_(std::move(network)) {}
    [[nodiscard]] std::unique_ptr<MaskedScores> over(const LabelMasker& masker,
                                                     const std::string& output) const override {
        if (output != network_.output || !fits(masker, network_.columns)) return nullptr;
        auto scores = std::make_unique<DenseScores>(network_, masker);
        if (scores->table_numbers() > most_table_numbers) return nullptr;
        return scores;
    }

  private:
    Network network_;
};

}  // namespace

std::shared_ptr<const MaskedScorer> read_dense(const Graph& graph) {
    const MatrixInput input = matrix_input(graph);
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
    Network network{
        .columns = input.columns, .output = from, .first = std::move(layers[0]), .above = {}};
    for (size_t l = 1; l < layers.size(); ++l) network.above.push_back(pack(layers[l]));
    return std::make_shared<DenseScorer>(std::move(network));
}

}  // namespace whence::direct
