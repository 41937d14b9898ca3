// Each form computes the same function; docs/operators.md lists what DeepLIFT can pass.

#include <algorithm>
#include <string_view>

#include "whence/graph/passes/expansion.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

using Tensors = std::vector<std::string>;

Tensors div(const Expansion& e) {
    return {e.b.mul(e.x(0), e.b.node("Reciprocal", {e.x(1)}))};
}

// Max and Min of any number of operands as those of two.
Tensors extremum(const Expansion& e) {
    std::string all = e.x(0);
    for (size_t i = 1; i < e.node.inputs.size(); ++i) all = e.b.node(e.node.op, {all, e.x(i)});
    return {all};
}

// A base that is broadcast is spread out first: then the power acts element by element. An exponent
// that may follow the input is written out.
Tensors pow(const Expansion& e) {
    const bool fixed = e.b.graph().constant(e.x(1)) || e.b.graph().value(e.x(1)).type != e.type();
    if (!fixed) return {e.b.node("Exp", {e.b.mul(e.x(1), e.b.node("Log", {e.x(0)}))})};
    return {e.b.node("Pow", {e.b.node("Expand", {e.x(0), e.b.shape(e.x(1))}), e.x(1)})};
}

std::string log_softmax_of(const Expansion& e) {
    const std::string axis = e.b.ints({e.node.integer("axis", -1)});
    return e.b.sub(e.x(), e.b.node("ReduceLogSumExp", {e.x(), axis}));
}
Tensors log_softmax(const Expansion& e) {
    return {log_softmax_of(e)};
}
Tensors softmax(const Expansion& e) {
    return {e.b.node("Exp", {log_softmax_of(e)})};
}

// The node's reduction done by another operator.
std::string reduce(const Expansion& e, const char* op, const std::string& t) {
    Tensors inputs = e.node.inputs;
    inputs[0] = t;
    return e.b.node(op, inputs, e.node.attributes);
}
// A norm of zero has neither slope nor reciprocal: a sum of squares stays above this, whose root is
// far below anything a network computes.
std::string positive(const Expansion& e, const std::string& sum) {
    return e.b.node("Max", {sum, e.scalar(0x1p-124)});
}

Tensors reduce_sum_square(const Expansion& e) {
    return {reduce(e, "ReduceSum", e.b.mul(e.x(), e.x()))};
}
Tensors reduce_l1(const Expansion& e) {
    return {reduce(e, "ReduceSum", e.b.node("Abs", {e.x()}))};
}
Tensors reduce_l2(const Expansion& e) {
    return {e.b.node("Sqrt", {positive(e, reduce(e, "ReduceSum", e.b.mul(e.x(), e.x())))})};
}
Tensors reduce_log_sum(const Expansion& e) {
    return {e.b.node("Log", {reduce(e, "ReduceSum", e.x())})};
}

double epsilon(const Expansion& e) {
    return e.node.number("epsilon", 1e-5F);
}

Tensors layer_normalization(const Expansion& e) {
    const Standardised s =
        e.standardised(e.x(), e.axes_from(e.node.integer("axis", -1)), epsilon(e));
    const std::string scaled = e.b.mul(s.z, e.x(1));
    return {e.node.has_input(2) ? e.b.add(scaled, e.x(2)) : scaled, s.mean, s.inverse};
}

Tensors instance_normalization(const Expansion& e) {
    const int64_t rank = e.rank(e.x());
    const std::string z = e.standardised(e.x(), e.axes_from(2), epsilon(e)).z;
    return {e.b.add(e.b.mul(z, e.per_channel(e.x(1), rank)), e.per_channel(e.x(2), rank))};
}

// Scale and bias are per channel from opset 21 on, before per group.
Tensors group_normalization(const Expansion& e) {
    const std::string grouped =
        e.b.node("Reshape", {e.x(), e.b.ints({0, e.node.integer("num_groups", 1), -1})});
    const std::string z = e.standardised(grouped, {2}, epsilon(e)).z;
    const auto scaled = [&](const std::string& t, int64_t rank) {
        return e.b.add(e.b.mul(t, e.per_channel(e.x(1), rank)), e.per_channel(e.x(2), rank));
    };
    if (e.b.graph().opset() < 21) return {e.b.reshape(scaled(z, 3), e.b.shape(e.x()))};
    return {scaled(e.b.reshape(z, e.b.shape(e.x())), e.rank(e.x()))};
}

Tensors lp_normalization(const Expansion& e) {
    const bool euclidean = e.node.integer("p", 2) == 2;
    const std::string axis = e.b.ints({e.node.integer("axis", -1)});
    const std::string parts = euclidean ? e.b.mul(e.x(), e.x()) : e.b.node("Abs", {e.x()});
    const std::string sum = positive(e, e.b.node("ReduceSum", {parts, axis}));
    const std::string norm = euclidean ? e.b.node("Sqrt", {sum}) : sum;
    return {e.b.mul(e.x(), e.b.node("Reciprocal", {norm}))};
}

struct Row {
    std::string_view op;
    Expand expand;
};
constexpr Row rows[] = {{"Div", div},
                        {"Max", extremum},
                        {"Min", extremum},
                        {"Pow", pow},
                        {"Softmax", softmax},
                        {"LogSoftmax", log_softmax},
                        {"ReduceSumSquare", reduce_sum_square},
                        {"ReduceL1", reduce_l1},
                        {"ReduceL2", reduce_l2},
                        {"ReduceLogSum", reduce_log_sum},
                        {"LayerNormalization", layer_normalization},
                        {"InstanceNormalization", instance_normalization},
                        {"GroupNormalization", group_normalization},
                        {"LpNormalization", lp_normalization}};

// Integers count and index: they carry no change.
bool floats(const Graph& graph, const Node& node) {
    if (!node.has_input(0)) return false;
    const auto type = graph.value(node.inputs[0]).type;
    return type == ElementType::float32 || type == ElementType::float64 ||
           type == ElementType::float16;
}

// Forms that pass as they are.
bool simple(const Graph& graph, const Node& node) {
    if (!floats(graph, node)) return true;
    if (node.is("Div")) return node.has_input(1) && graph.constant(node.inputs[1]);
    if (node.is("Max") || node.is("Min")) return node.inputs.size() == 2;
    if (!node.is("Pow") || !node.has_input(1)) return false;
    const Tensor* exponent = graph.constant(node.inputs[1]);
    return exponent && (exponent->size() == 1 ||
                        graph.value(node.inputs[0]).shape == graph.value(node.inputs[1]).shape);
}

Expand find(const Graph& graph, const Node& node) {
    const auto row = std::ranges::find_if(rows, [&](const Row& r) { return node.is(r.op); });
    return row == std::end(rows) || node.outputs.empty() || simple(graph, node) ? nullptr
                                                                                : row->expand;
}

}  // namespace

std::vector<std::string> operators_to_split() {
    std::vector<std::string> names;
    for (const Row& row : rows) names.emplace_back(row.op);
    return names;
}

bool split_for_multipliers(Graph& graph) {
    return expand_nodes(graph, find);
}

}  // namespace whence::graph
