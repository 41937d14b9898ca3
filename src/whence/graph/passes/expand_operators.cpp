// Operators without a rule of their own, written in those that have one.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>

#include "whence/core/error.h"
#include "whence/graph/body.h"
#include "whence/graph/passes/attention.h"
#include "whence/graph/passes/expansion.h"
#include "whence/graph/passes/passes.h"
#include "whence/graph/passes/recurrent.h"

namespace whence::graph {
namespace {

using Tensors = std::vector<std::string>;

// x / sqrt(mean(x^2) + epsilon), scaled (Zhang, Sennrich 2019, equation 4).
Standardised root_mean_square(const Expansion& e, const std::string& t,
                              const std::vector<int64_t>& axes, double epsilon) {
    const std::string inverse = e.inverse_root(e.b.reduce_mean(e.b.mul(t, t), axes, true), epsilon);
    return {e.b.mul(t, inverse), "", inverse};
}

Tensors rms_normalization(const Expansion& e) {
    const Standardised s = root_mean_square(e, e.x(), e.axes_from(e.node.integer("axis", -1)),
                                            e.node.number("epsilon", 1e-5F));
    return {e.b.mul(s.z, e.x(1)), s.inverse};
}

// Rotates pairs of elements by an angle of their position (Su et al. 2021, equation 34): halves of
// a head, or neighbours (`interleaved`). cos and sin have a row for each position.
Tensors rotary_embedding(const Expansion& e) {
    const bool flat = e.rank(e.x()) == 3;
    const int64_t heads = e.node.integer("num_heads", 0);
    if (flat && heads <= 0) e.refuse("it does not say how many heads there are");
    std::string x = flat ? e.b.node("Reshape", {e.x(), e.b.ints({0, 0, heads, -1})})
                         : e.b.transpose(e.x(), {0, 2, 1, 3});
    const int64_t rotated =
        e.node.integer("rotary_embedding_dim", 0);  // the first so many elements of a head
    const auto cut = [&](const std::string& t, int64_t begin, int64_t end, int64_t step) {
        return e.b.node("Slice",
                        {t, e.b.ints({begin}), e.b.ints({end}), e.b.ints({3}), e.b.ints({step})});
    };
    constexpr int64_t all = std::numeric_limits<int64_t>::max();
    const std::string rest = rotated > 0 ? cut(x, rotated, all, 1) : "";
    if (rotated > 0) x = cut(x, 0, rotated, 1);
    const bool interleaved = e.node.integer("interleaved", 0) != 0;
    Tensors half = interleaved ? Tensors{cut(x, 0, all, 2), cut(x, 1, all, 2)}
                               : e.b.nodes("Split", {x}, 2,
                                           {{"axis", int64_t{3}}, {"num_outputs", int64_t{2}}});
    // [N, tokens, 1, half]
    const auto angle = [&](size_t i) {
        const std::string row = e.node.has_input(3) ? e.b.node("Gather", {e.x(i), e.x(3)}) : e.x(i);
        return e.b.node("Unsqueeze", {row, e.b.ints({2})});
    };
    const std::string cos = angle(1), sin = angle(2);
    const std::string first = e.b.sub(e.b.mul(half[0], cos), e.b.mul(half[1], sin));
    const std::string second = e.b.add(e.b.mul(half[0], sin), e.b.mul(half[1], cos));
    std::string y;
    if (interleaved) {
        const auto column = [&](const std::string& t) {
            return e.b.node("Unsqueeze", {t, e.b.ints({4})});
        };
        y = e.b.reshape(e.b.concat({column(first), column(second)}, 4), e.b.shape(x));
    } else {
        y = e.b.concat({first, second}, 3);
    }
    if (!rest.empty()) y = e.b.concat({y, rest}, 3);
    return {flat ? e.b.reshape(y, e.b.shape(e.x())) : e.b.transpose(y, {0, 2, 1, 3})};
}

// x Phi(x) (Hendrycks, Gimpel 2016), exact and by tanh.
std::string gelu_of(const Expansion& e, const std::string& x) {
    const std::string cdf =
        e.b.add(e.b.node("Erf", {e.b.mul(x, e.scalar(1 / std::numbers::sqrt2))}), e.scalar(1));
    return e.b.mul(e.b.mul(x, e.scalar(0.5)), cdf);
}
Tensors gelu(const Expansion& e) {
    return {gelu_of(e, e.x())};
}
Tensors bias_gelu(const Expansion& e) {
    return {gelu_of(e, e.b.add(e.x(0), e.x(1)))};
}
Tensors fast_gelu(const Expansion& e) {
    const std::string x = e.node.has_input(1) ? e.b.add(e.x(0), e.x(1)) : e.x();
    const std::string bent = e.b.add(e.scalar(1), e.b.mul(e.b.mul(x, x), e.scalar(0.044715)));
    const std::string u = e.b.mul(e.b.mul(x, e.scalar(std::sqrt(2 / std::numbers::pi))), bent);
    return {e.b.mul(e.b.mul(x, e.scalar(0.5)), e.b.add(e.b.node("Tanh", {u}), e.scalar(1)))};
}
Tensors quick_gelu(const Expansion& e) {
    return {e.b.mul(
        e.x(), e.b.node("Sigmoid", {e.b.mul(e.x(), e.scalar(e.node.number("alpha", 1.702F)))}))};
}

// Layer normalisation of a sum over the last axis, as ONNX Runtime's own operators have it.
Tensors normalised_sum(const Expansion& e, const std::string& sum, const std::string& gamma,
                       const std::string& beta) {
    const Standardised s = e.standardised(sum, {-1}, e.node.number("epsilon", 1e-12F));
    const std::string scaled = e.b.mul(s.z, gamma);
    return {beta.empty() ? scaled : e.b.add(scaled, beta), s.mean, s.inverse};
}

std::string skip_sum(const Expansion& e, size_t bias) {
    const std::string sum = e.b.add(e.x(0), e.x(1));
    return e.node.has_input(bias) ? e.b.add(sum, e.x(bias)) : sum;
}
Tensors skip_layer_normalization(const Expansion& e) {
    const std::string sum = skip_sum(e, 4);
    Tensors all = normalised_sum(e, sum, e.x(2), e.node.has_input(3) ? e.x(3) : "");
    all.push_back(sum);
    return all;
}
Tensors skip_simplified_layer_normalization(const Expansion& e) {
    const std::string sum = skip_sum(e, 3);
    const Standardised s = root_mean_square(e, sum, {-1}, e.node.number("epsilon", 1e-12F));
    return {e.b.mul(s.z, e.x(2)), "", s.inverse, sum};
}

// Word, position and segment embeddings of BERT, summed and normalised.
Tensors embed_layer_normalization(const Expansion& e) {
    std::string sum = e.b.node("Gather", {e.x(2), e.x(0)});
    std::string position;
    if (e.node.has_input(8)) {
        position = e.b.node("Gather", {e.x(3), e.x(8)});
    } else {
        const std::string first = e.b.ints({0}), tokens = e.b.shape(e.x(0), 1, 2);
        position = e.b.node("Slice", {e.x(3), first, tokens, e.b.ints({0})});
    }
    sum = e.b.add(sum, position);
    if (e.node.has_input(4)) sum = e.b.add(sum, e.b.node("Gather", {e.x(4), e.x(1)}));
    const Expansion floats{e.b, e.node,
                           e.b.graph().value(e.x(2)).type.value_or(ElementType::float32)};
    return {normalised_sum(floats, sum, e.x(5), e.node.has_input(6) ? e.x(6) : "")[0], "", sum};
}

// alpha op(a) op(b), op a transposition of the last two axes.
Tensors fused_matmul(const Expansion& e) {
    if (e.node.integer("transBatchA", 0) != 0 || e.node.integer("transBatchB", 0) != 0)
        e.refuse("transposed batches");
    const auto operand = [&](size_t i, const char* key) {
        const int64_t rank = e.rank(e.x(i));
        if (e.node.integer(key, 0) == 0 || rank < 2) return e.x(i);
        std::vector<int64_t> order(rank);
        for (int64_t axis = 0; axis < rank; ++axis) order[axis] = axis;
        std::swap(order[rank - 1], order[rank - 2]);
        return e.b.transpose(e.x(i), order);
    };
    const std::string product = e.b.node("MatMul", {operand(0, "transA"), operand(1, "transB")});
    const float alpha = e.node.number("alpha", 1);
    return {alpha == 1 ? product : e.b.mul(product, e.scalar(alpha))};
}

struct Row {
    std::string_view domain, op;
    Expand expand;
};
constexpr std::string_view microsoft = "com.microsoft";
constexpr Row rows[] = {
    {"", "Attention", attention},
    {"", "GRU", gru},
    {"", "LSTM", lstm},
    {"", "RNN", rnn},
    {"", "RMSNormalization", rms_normalization},
    {"", "RotaryEmbedding", rotary_embedding},
    {"", "SimplifiedLayerNormalization", rms_normalization},  // ONNX Runtime's, in this domain
    {microsoft, "Attention", fused_projection_attention},
    {microsoft, "BiasGelu", bias_gelu},
    {microsoft, "EmbedLayerNormalization", embed_layer_normalization},
    {microsoft, "FastGelu", fast_gelu},
    {microsoft, "FusedMatMul", fused_matmul},
    {microsoft, "Gelu", gelu},
    {microsoft, "MultiHeadAttention", multi_head_attention},
    {microsoft, "QuickGelu", quick_gelu},
    {microsoft, "SkipLayerNormalization", skip_layer_normalization},
    {microsoft, "SkipSimplifiedLayerNormalization", skip_simplified_layer_normalization}};

Expand find(const Graph&, const Node& node) {
    const auto row = std::ranges::find_if(
        rows, [&](const Row& r) { return node.domain == r.domain && node.op == r.op; });
    return row == std::end(rows) ? nullptr : row->expand;
}

}  // namespace

std::vector<std::string> operators_to_expand() {
    std::vector<std::string> names;
    for (const Row& row : rows)
        names.push_back(row.domain.empty() ? std::string(row.op)
                                           : std::string(row.domain) + "." + std::string(row.op));
    return names;
}

bool expand_operators(Graph& graph) {
    bool changed = expand_nodes(graph, find);
    rewrite_bodies(graph, [&](Graph& body) { changed = expand_operators(body) || changed; });
    return changed;
}

}  // namespace whence::graph
