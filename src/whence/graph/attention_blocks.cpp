#include "whence/graph/attention_blocks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "whence/core/error.h"
#include "whence/graph/body.h"
#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

template <size_t n>
bool is_any(const Node& node, const std::array<std::string_view, n>& operators) {
    return std::ranges::any_of(operators, [&](std::string_view op) { return node.is(op); });
}

constexpr std::array<std::string_view, 7> layout = {"Transpose", "Reshape", "Squeeze", "Unsqueeze",
                                                    "Flatten",   "Identity", "Dropout"};
// Between scores and softmax, and between softmax and product: masks, scales, casts, guards against NaN.
constexpr std::array<std::string_view, 9> adjustments = {"Add",      "Sub",     "Mul",   "Div", "Where",
                                                         "Identity", "Dropout", "Tanh", "Cast"};
constexpr int most_adjustments = 8;

// A node of a path, and which of its inputs the path comes in by.
struct Step {
    const Node* node;
    size_t input;
};
using Path = std::vector<Step>;

// Who makes and who reads what.
class Wiring {
  public:
    explicit Wiring(const Graph& graph) : graph_(graph) {
        for (const Node& node : graph.nodes) {
            for (const std::string& output : node.outputs)
                if (!output.empty()) makers_[output] = &node;
            for (const std::string& input : node.inputs)
                if (!input.empty()) readers_[input].push_back(&node);
        }
    }
    [[nodiscard]] const Graph& graph() const { return graph_; }
    [[nodiscard]] const Node* maker(const std::string& tensor) const {
        const auto found = makers_.find(tensor);
        return found == makers_.end() ? nullptr : found->second;
    }
    /// Those that read numbers and not only lengths.
    [[nodiscard]] std::vector<const Node*> readers(const std::string& tensor) const {
        std::vector<const Node*> out;
        if (const auto found = readers_.find(tensor); found != readers_.end())
            for (const Node* node : found->second)
                if (!node->is("Shape") && !node->is("Size")) out.push_back(node);
        return out;
    }
    [[nodiscard]] bool constant(const std::string& tensor) const {
        return graph_.initializers.contains(tensor);
    }
    /// One number, whatever makes it.
    [[nodiscard]] bool single(const std::string& tensor) const {
        if (const Tensor* value = graph_.constant(tensor)) return value->size() == 1;
        const ValueInfo info = graph_.value(tensor);
        return info.shape && std::ranges::all_of(*info.shape, [](const Dimension& d) { return d.length == 1; });
    }
    [[nodiscard]] std::optional<Shape> shape(const std::string& tensor) const {
        const ValueInfo info = graph_.value(tensor);
        if (!info.shape) return std::nullopt;
        return info.lengths();
    }

  private:
    const Graph& graph_;
    std::unordered_map<std::string, const Node*> makers_;
    std::unordered_map<std::string, std::vector<const Node*>> readers_;
};

bool is_product(const Wiring& w, const Node& node) {
    return node.is("MatMul") && node.inputs.size() == 2 && !w.constant(node.inputs[0]) && !w.constant(node.inputs[1]);
}

// Back from what a softmax reads to the product of queries and keys; the steps between, the last first.
const Node* product_behind(const Wiring& w, const std::string& tensor, Path& path) {
    const Node* node = w.maker(tensor);
    if (!node) return nullptr;
    if (is_product(w, *node)) return node;
    if (!is_any(*node, adjustments) || path.size() >= most_adjustments) return nullptr;
    for (size_t i = 0; i < node->inputs.size(); ++i) {
        path.push_back({node, i});
        if (const Node* found = product_behind(w, node->inputs[i], path)) return found;
        path.pop_back();
    }
    return nullptr;
}

// On from a softmax to the product with values.
const Node* product_after(const Wiring& w, const std::string& tensor, int steps = 4) {
    for (const Node* node : w.readers(tensor)) {
        if (is_product(w, *node) && node->inputs[0] == tensor) return node;
        if (steps == 0 || !is_any(*node, adjustments)) continue;
        if (const Node* found = product_after(w, node->outputs[0], steps - 1)) return found;
    }
    return nullptr;
}

bool scales(const Wiring& w, const Step& step) {
    return (step.node->is("Mul") || step.node->is("Div")) && w.single(step.node->inputs[1 - step.input]);
}

// The tensor before it was multiplied by one number.
std::string unscaled(const Wiring& w, std::string tensor) {
    for (;;) {
        const Node* node = w.maker(tensor);
        if (!node || !(node->is("Mul") || node->is("Div"))) return tensor;
        const bool second = node->is("Mul") && w.single(node->inputs[0]) && !w.single(node->inputs[1]);
        if (!second && !w.single(node->inputs[1])) return tensor;
        tensor = node->inputs[second ? 1 : 0];
    }
}

bool is_projection(const Wiring& w, const Node& node) {
    return (node.is("MatMul") || node.is("Gemm")) && node.inputs.size() > 1 && w.constant(node.inputs[1]);
}

// From the context on: heads are joined, projected by one matrix, biased. Ends before the residual sum.
Path projection_path(const Wiring& w, const std::string& context) {
    Path path;
    size_t length = 0;  // up to the projection or its bias
    bool projected = false;
    std::string tensor = context;
    for (;;) {
        const std::vector<const Node*> readers = w.readers(tensor);
        if (readers.size() != 1) break;
        const Node& node = *readers[0];
        const size_t input = node.inputs[0] == tensor ? 0 : 1;
        const bool projects = !projected && input == 0 && is_projection(w, node);
        const bool biases = node.is("Add") && w.constant(node.inputs[1 - input]);
        if (!projects && !biases && !is_any(node, layout) && !node.is("Cast")) break;
        projected = projected || projects;
        path.push_back({&node, input});
        tensor = node.outputs[0];
        length = path.size();
    }
    path.resize(projected ? length : 0);
    return path;
}

int64_t width_of(const Wiring& w, const Path& path) {
    for (const Step& step : path)
        if (is_projection(w, *step.node)) {
            const Shape& shape = w.graph().constant(step.node->inputs[1])->shape();
            return shape.size() == 2 ? shape[step.node->integer("transB", 0) != 0 ? 1 : 0] : 0;
        }
    return 0;
}

// The sum that a tensor is added to something computed in; past what scales each channel (layer scale).
const Node* residual_sum(const Wiring& w, std::string& tensor) {
    for (int step = 0; step < 3; ++step) {
        const std::vector<const Node*> readers = w.readers(tensor);
        if (readers.size() != 1) return nullptr;
        const Node& node = *readers[0];
        const size_t other = node.inputs[0] == tensor ? 1 : 0;
        if (node.is("Add") && !w.constant(node.inputs[other])) return &node;
        const bool passes = is_any(node, layout) || (node.is("Mul") && w.constant(node.inputs[other]));
        if (!passes) return nullptr;
        tensor = node.outputs[0];
    }
    return nullptr;
}

// Where normalisation comes after the sum, the stream goes on behind it.
std::string past_normalization(const Wiring& w, const std::string& tensor) {
    const std::vector<const Node*> readers = w.readers(tensor);
    const bool after = readers.size() == 1 && readers[0]->is("LayerNormalization") &&
                       w.readers(readers[0]->outputs[0]).size() > 1;
    return after ? readers[0]->outputs[0] : tensor;
}

// The residual stream once an MLP was added to it; itself where none is.
std::string after_mlp(const Wiring& w, const std::string& stream) {
    const std::string from = past_normalization(w, stream);
    for (const Node* node : w.readers(from))
        if (node->is("Add") && !w.constant(node->inputs[0]) && !w.constant(node->inputs[1]))
            return past_normalization(w, node->outputs[0]);
    return from;
}

std::optional<AttentionBlock> block_of(const Wiring& w, const Node& softmax) {
    AttentionBlock block{.probabilities = softmax.outputs[0]};
    const std::optional<Shape> shape = w.shape(block.probabilities);
    const int64_t axis = softmax.integer("axis", -1);
    if (!shape || shape->size() < 3 || shape->size() > 4) return std::nullopt;
    const auto rank = static_cast<int64_t>(shape->size());
    if (axis != -1 && axis != rank - 1) return std::nullopt;
    Path path;
    const Node* scores = product_behind(w, softmax.inputs[0], path);
    const Node* product = product_after(w, block.probabilities);
    if (!scores || !product) return std::nullopt;
    const int64_t queries = (*shape)[static_cast<size_t>(rank - 2)], keys = shape->back();
    block.pools = queries == 1 && keys != 1;
    if (!block.pools && queries >= 0 && keys >= 0 && queries != keys) return std::nullopt;
    block.tokens = std::max<int64_t>(keys, 0);
    block.queries = unscaled(w, scores->inputs[0]);
    block.keys = unscaled(w, scores->inputs[1]);
    block.values = product->inputs[1];
    block.context = product->outputs[0];
    const Path projection = projection_path(w, block.context);
    block.width = width_of(w, projection);
    if (projection.empty()) return block;
    block.projected = projection.back().node->outputs[0];
    std::string added = block.projected;
    if (const Node* sum = residual_sum(w, added)) {
        block.input = sum->inputs[sum->inputs[0] == added ? 1 : 0];
        block.output = after_mlp(w, sum->outputs[0]);
    }
    return block;
}

// Whatever a tensor comes from is an integer input, lengths or a constant.
bool of_integers_alone(const Wiring& w, const std::string& tensor, int depth = 6) {
    if (w.constant(tensor)) return true;
    const Node* node = w.maker(tensor);
    if (!node) {
        const ValueInfo* input = w.graph().find_input(tensor);
        return input && input->type && (*input->type == ElementType::int64 || *input->type == ElementType::int32);
    }
    return depth > 0 && std::ranges::all_of(node->inputs, [&](const std::string& input) {
               return input.empty() || of_integers_alone(w, input, depth - 1);
           });
}

// The same steps from another tensor; returns what the last one makes.
std::string replayed(Graph& graph, const Path& path, std::string from) {
    for (const Step& step : path) {
        Node copy = *step.node;
        copy.inputs[step.input] = from;
        copy.outputs = {graph.fresh("one_head")};
        copy.name.clear();
        from = copy.outputs[0];
        graph.nodes.push_back(std::move(copy));
    }
    return from;
}

// All nodes before number `count` read `to` in place of `from`.
void rewire(Graph& graph, size_t count, const std::string& from, const std::string& to) {
    for (size_t i = 0; i < count; ++i) {
        std::ranges::replace(graph.nodes[i].inputs, from, to);
        rename_captured(graph.nodes[i], {{from, to}});
    }
}

void finish(Graph& graph) {
    sort_nodes(graph);
    remove_unused(graph);
    verify(graph);
}

// Whether the residual stream is [tokens, N, width]: as nn.MultiheadAttention likes it.
bool tokens_first(const Wiring& w, const AttentionBlock& block) {
    const std::optional<Shape> shape = w.shape(block.input);
    if (!shape || shape->size() != 3)
        throw Error(ErrorKind::unsupported, "'" + printable(block.input) + "' is no state of tokens [N, tokens, width]");
    return block.tokens > 0 && (*shape)[0] == block.tokens && (*shape)[1] != block.tokens;
}

}  // namespace

std::vector<AttentionBlock> attention_blocks(const Graph& graph) {
    const Wiring wiring(graph);
    std::vector<AttentionBlock> blocks;
    for (const Node& node : graph.nodes)
        if (node.is("Softmax"))
            if (auto block = block_of(wiring, node)) blocks.push_back(std::move(*block));
    return blocks;
}

std::vector<std::string> fused_attention(const Graph& graph) {
    std::vector<std::string> found;
    for (const Node& node : graph.nodes)
        if (node.op.find("Attention") != std::string::npos)
            found.push_back(node.describe() + (node.obstacle.empty() ? "" : ": " + node.obstacle));
    return found;
}

std::string read_position(const Graph& graph) {
    const Wiring wiring(graph);
    for (const Node& node : graph.nodes)
        if (node.is("ArgMax") && of_integers_alone(wiring, node.inputs[0])) return node.outputs[0];
    return "";
}

OneHead use_one_head(Graph& graph, const AttentionBlock& block) {
    // Paths point into nodes: a copy of them stays while the graph grows.
    const Graph before = graph;
    const Wiring w(before);
    Path adjustments_path;
    const Node* softmax = w.maker(block.probabilities);
    const Node* scores = softmax ? product_behind(w, softmax->inputs[0], adjustments_path) : nullptr;
    if (!scores || block.projected.empty() || block.width <= 0)
        throw Error(ErrorKind::unsupported, "the attention '" + printable(block.probabilities) +
                                                "' has no projection of known width: it cannot be "
                                                "computed with one head");
    std::ranges::reverse(adjustments_path);
    std::erase_if(adjustments_path, [&](const Step& step) { return scales(w, step); });
    for (const Step& step : adjustments_path)
        if (step.node->is("Mul") || step.node->is("Div") || step.node->is("Tanh"))
            throw Error(ErrorKind::unsupported, step.node->describe() + " bends the scores of attention: they cannot be computed with one head");
    const size_t rank = w.shape(block.probabilities)->size();
    const ElementType type = before.value(block.probabilities).type.value_or(ElementType::float32);
    const size_t nodes = graph.nodes.size();
    Builder b(graph);
    // Products of heads add up to those of the whole width.
    const std::string product = b.node("MatMul", {block.queries, block.keys});
    const std::string sum = b.reduce_sum(product, {static_cast<int64_t>(rank) - 3}, true);
    const std::string scaled = b.div(sum, b.scalar(std::sqrt(static_cast<double>(block.width)), type));
    const std::string masked = replayed(graph, adjustments_path, scaled);
    const std::string probabilities = b.node("Softmax", {masked}, {{"axis", int64_t{-1}}});
    OneHead one{.values = block.values};
    one.context = b.node("MatMul", {probabilities, block.values});
    const Path projection = projection_path(w, block.context);
    one.queries = replayed(graph, projection, block.queries);
    std::vector<int64_t> order;
    for (size_t axis = 0; axis < rank; ++axis) order.push_back(static_cast<int64_t>(axis));
    std::swap(order[rank - 1], order[rank - 2]);
    one.keys = replayed(graph, projection, b.transpose(block.keys, order));
    rewire(graph, nodes, block.context, one.context);
    // Nothing but methods reads these two: they stay only where they are outputs.
    sort_nodes(graph);
    verify(graph);
    return one;
}

void read_instead(Graph& graph, const AttentionBlock& last, const std::string& state, bool mean) {
    const bool first = tokens_first(Wiring(graph), last);
    const size_t nodes = graph.nodes.size();
    Builder b(graph);
    const std::string read = mean ? b.node("Expand", {b.reduce_mean(state, {first ? 0 : 1}, true), b.shape(state)}) : state;
    if (read == last.output) return;
    rewire(graph, nodes, last.output, read);
    for (const ValueInfo& output : graph.outputs)
        if (output.name == last.output)
            throw Error(ErrorKind::unsupported, "the last block's output is the model's: there is no head that scores it");
    finish(graph);
}

std::string rows_first_input(Graph& graph, const AttentionBlock& block) {
    const bool first = tokens_first(Wiring(graph), block);
    const size_t nodes = graph.nodes.size();
    Builder b(graph);
    const std::vector<int64_t> order = first ? std::vector<int64_t>{1, 0, 2} : std::vector<int64_t>{0, 1, 2};
    const std::string rows = b.transpose(block.input, order);
    ValueInfo info = graph.value(block.input);
    info.name = rows;
    if (first && info.shape) std::swap((*info.shape)[0], (*info.shape)[1]);
    graph.values[rows] = info;
    const std::string back = first ? b.transpose(rows, order) : rows;
    rewire(graph, nodes, block.input, back);
    finish(graph);
    return rows;
}

}  // namespace whence::graph
