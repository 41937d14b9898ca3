#include "whence/graph/passes/attention.h"

#include <cmath>
#include <limits>

namespace whence::graph {
namespace {

// [N, tokens, heads width] to [N, heads, tokens, width]; what has four axes stays.
std::string by_heads(const Expansion& e, const std::string& t, int64_t heads) {
    if (e.rank(t) == 4) return t;
    return e.b.transpose(e.b.node("Reshape", {t, e.b.ints({0, 0, heads, -1})}), {0, 2, 1, 3});
}

// Heads of keys and values that serve several heads of queries, repeated one after the other.
std::string repeated(const Expansion& e, const std::string& t, int64_t heads, int64_t times) {
    if (times == 1) return t;
    const std::string each = e.b.node("Unsqueeze", {t, e.b.ints({2})});
    const std::string all = e.b.node("Expand", {each, e.b.ints({1, 1, times, 1, 1})});
    return e.b.reshape(
        all, e.b.concat({e.b.shape(t, 0, 1), e.b.ints({heads * times}), e.b.shape(t, 2, 4)}, 0));
}

int64_t head_count(const Expansion& e, size_t input, const char* key) {
    const auto shape = e.b.graph().value(e.x(input)).shape;
    const int64_t stated = e.node.integer(key, 0),
                  length = shape && shape->size() == 4 ? (*shape)[1].length : stated;
    if (length <= 0) e.refuse("the number of heads is not known");
    return length;
}

// scale q k^T, the scale 1 / sqrt(width) unless the node says otherwise (0 says nothing, to ONNX Runtime's own).
std::string scores(const Expansion& e, const std::string& q, const std::string& k) {
    const std::string product = e.b.node("MatMul", {q, e.b.transpose(k, {0, 1, 3, 2})});
    std::string scaled;
    if (e.node.has("scale") && (e.node.domain.empty() || e.node.number("scale", 0) != 0)) {
        scaled = e.b.mul(product, e.scalar(e.node.number("scale", 1)));
    } else {
        const std::string width = e.b.cast(e.b.shape(q, 3, 4), e.type());
        scaled = e.b.div(product, e.b.node("Sqrt", {width}));
    }
    const double cap = e.node.number("softcap", 0);
    if (cap == 0) return scaled;
    return e.b.mul(e.b.node("Tanh", {e.b.mul(scaled, e.scalar(1 / cap))}), e.scalar(cap));
}

// 0 where a query comes no earlier than a key, -infinity elsewhere: key j for query i only where j <= i + past.
std::string causal_bias(const Expansion& e, const std::string& q, const std::string& k, const std::string& past) {
    const auto positions = [&](const std::string& t, int64_t axis) {
        const std::string count = e.b.reshape(e.b.shape(t, 2, 3), e.b.ints({}));
        const std::string line = e.b.node("Range", {e.b.integer(0), count, e.b.integer(1)});
        return e.b.node("Unsqueeze", {line, e.b.ints({axis})});
    };
    std::string query = positions(q, 1);
    if (!past.empty()) query = e.b.add(query, e.b.shape(past, 2, 3));
    const std::string seen = e.b.node("LessOrEqual", {positions(k, 0), query});
    return e.b.node("Where", {seen, e.scalar(0), e.scalar(-std::numeric_limits<double>::infinity())});
}

// 0 where a query may look at a key, -infinity elsewhere; empty if it may everywhere.
std::string bias(const Expansion& e, const std::string& q, const std::string& k,
                 const std::string& past) {
    std::string bias;
    if (e.node.has_input(3)) {
        const bool truth = e.b.graph().value(e.x(3)).type == ElementType::boolean;
        const std::string never = e.scalar(-std::numeric_limits<double>::infinity());
        bias = truth ? e.b.node("Where", {e.x(3), e.scalar(0), never}) : e.x(3);
    }
    if (e.node.integer("is_causal", 0) == 0) return bias;
    const std::string causal = causal_bias(e, q, k, past);
    return bias.empty() ? causal : e.b.add(bias, causal);
}

std::string weighted(const Expansion& e, const std::string& logits, const std::string& v) {
    return e.b.node("MatMul", {e.b.node("Softmax", {logits}, {{"axis", int64_t{-1}}}), v});
}

// [N, heads, tokens, width] to [N, tokens, heads width]
std::string side_by_side(const Expansion& e, const std::string& t) {
    return e.b.node("Reshape", {e.b.transpose(t, {0, 2, 1, 3}), e.b.ints({0, 0, -1})});
}

/// Where ONNX Runtime's own operators have their optional inputs.
struct Places {
    size_t mask, past, bias;
};

// What both have in common: q, k and v [N, tokens, heads width]. A mask of integers adds the filter value, which is
// finite, where it is 0.
std::vector<std::string> fused_attention(const Expansion& e, const std::string& q3, const std::string& k3,
                                         const std::string& v3, const Places& at) {
    if (e.node.has_input(at.past)) e.refuse("keys and values of the past");
    const int64_t heads = e.node.integer("num_heads", 0);
    if (heads <= 0) e.refuse("the number of heads is not known");
    const auto split = [&](const std::string& t) {
        return e.b.transpose(e.b.node("Reshape", {t, e.b.ints({0, 0, heads, -1})}), {0, 2, 1, 3});
    };
    const std::string q = split(q3), k = split(k3), v = split(v3);
    std::string logits = scores(e, q, k);
    if (e.node.has_input(at.bias)) logits = e.b.add(logits, e.x(at.bias));
    if (e.node.has_input(at.mask)) {
        const int64_t rank = e.rank(e.x(at.mask));
        if (rank != 2 && rank != 3) e.refuse("a mask that is not [batch, keys] or [batch, queries, keys]");
        const std::string hidden = e.b.node("LessOrEqual", {e.x(at.mask), e.b.cast(e.b.integer(0), ElementType::int32)});
        const std::string filter = e.scalar(e.node.number("mask_filter_value", -10000));
        const std::string each = e.b.node("Where", {hidden, filter, e.scalar(0)});
        logits = e.b.add(logits, e.b.node("Unsqueeze", {each, rank == 2 ? e.b.ints({1, 2}) : e.b.ints({1})}));
    }
    if (e.node.integer("unidirectional", 0) != 0) logits = e.b.add(logits, causal_bias(e, q, k, ""));
    return {side_by_side(e, weighted(e, logits, v)), k, v};
}

}  // namespace

std::vector<std::string> attention(const Expansion& e) {
    if (e.node.has_input(6)) e.refuse("padded keys (nonpad_kv_seqlen)");
    if (e.node.integer("left_window_size", -1) >= 0 || e.node.integer("right_window_size", -1) >= 0)
        e.refuse("a sliding window");
    if (e.node.outputs.size() > 3 && !e.node.outputs[3].empty())
        e.refuse("its scores are an output");
    const int64_t queries = head_count(e, 0, "q_num_heads"),
                  keys = head_count(e, 1, "kv_num_heads");
    if (queries % keys != 0) e.refuse("heads of queries are no multiple of those of keys");
    const std::string q = by_heads(e, e.x(0), queries);
    std::string k = by_heads(e, e.x(1), keys), v = by_heads(e, e.x(2), keys);
    const std::string past = e.node.has_input(4) ? e.x(4) : "";
    if (!past.empty()) {
        k = e.b.concat({past, k}, 2);
        v = e.b.concat({e.x(5), v}, 2);
    }
    std::string logits = scores(e, q, repeated(e, k, keys, queries / keys));
    if (const std::string masked = bias(e, q, k, past); !masked.empty())
        logits = e.b.add(logits, masked);
    const std::string y = weighted(e, logits, repeated(e, v, keys, queries / keys));
    return {e.rank(e.x()) == 3 ? side_by_side(e, y) : y, k, v};
}

std::vector<std::string> multi_head_attention(const Expansion& e) {
    if (!e.node.has_input(1) || !e.node.has_input(2) || e.rank(e.x(0)) != 3 || e.rank(e.x(1)) != 3 || e.rank(e.x(2)) != 3)
        e.refuse("queries, keys and values that are not each [batch, tokens, width]");
    if (e.node.outputs.size() > 3 && !e.node.outputs[3].empty())
        e.refuse("its scores are an output");
    std::vector<std::string> parts = {e.x(0), e.x(1), e.x(2)};
    if (e.node.has_input(3)) {
        std::vector<std::string> widths;
        for (const std::string& part : parts) widths.push_back(e.b.shape(part, 2, 3));
        const auto biases = e.b.nodes("Split", {e.x(3), e.b.concat(widths, 0)}, 3, {{"axis", int64_t{0}}});
        for (size_t i = 0; i < parts.size(); ++i) parts[i] = e.b.add(parts[i], biases[i]);
    }
    return fused_attention(e, parts[0], parts[1], parts[2], {.mask = 4, .past = 6, .bias = 5});
}

std::vector<std::string> fused_projection_attention(const Expansion& e) {
    if (e.node.integer("do_rotary", 0) != 0) e.refuse("rotary embeddings within");
    std::string all = e.b.node("MatMul", {e.x(0), e.x(1)});
    if (e.node.has_input(2)) all = e.b.add(all, e.x(2));
    const std::vector<int64_t> widths = e.node.integers("qkv_hidden_sizes");
    const auto parts = widths.empty()
                           ? e.b.nodes("Split", {all}, 3, {{"axis", int64_t{2}}, {"num_outputs", int64_t{3}}})
                           : e.b.nodes("Split", {all, e.b.ints(widths)}, 3, {{"axis", int64_t{2}}});
    if (e.node.outputs.size() > 1 && !e.node.outputs[1].empty()) e.refuse("keys and values for the future");
    return {fused_attention(e, parts[0], parts[1], parts[2], {.mask = 3, .past = 4, .bias = 5})[0]};
}

}  // namespace whence::graph
