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

// scale q k^T, the scale 1 / sqrt(width) unless the node says otherwise.
std::string scores(const Expansion& e, const std::string& q, const std::string& k) {
    const std::string product = e.b.node("MatMul", {q, e.b.transpose(k, {0, 1, 3, 2})});
    std::string scaled;
    if (e.node.has("scale")) {
        scaled = e.b.mul(product, e.scalar(e.node.number("scale", 1)));
    } else {
        const std::string width = e.b.cast(e.b.shape(q, 3, 4), e.type());
        scaled = e.b.div(product, e.b.node("Sqrt", {width}));
    }
    const double cap = e.node.number("softcap", 0);
    if (cap == 0) return scaled;
    return e.b.mul(e.b.node("Tanh", {e.b.mul(scaled, e.scalar(1 / cap))}), e.scalar(cap));
}

// 0 where a query may look at a key, -infinity elsewhere; empty if it may everywhere.
std::string bias(const Expansion& e, const std::string& q, const std::string& k,
                 const std::string& past) {
    const std::string zero = e.scalar(0),
                      never = e.scalar(-std::numeric_limits<double>::infinity());
    std::string bias;
    if (e.node.has_input(3)) {
        const bool truth = e.b.graph().value(e.x(3)).type == ElementType::boolean;
        bias = truth ? e.b.node("Where", {e.x(3), zero, never}) : e.x(3);
    }
    if (e.node.integer("is_causal", 0) == 0) return bias;
    // Key j for query i only where j <= i + past.
    const auto positions = [&](const std::string& t, int64_t axis) {
        const std::string count = e.b.reshape(e.b.shape(t, 2, 3), e.b.ints({}));
        const std::string line = e.b.node("Range", {e.b.integer(0), count, e.b.integer(1)});
        return e.b.node("Unsqueeze", {line, e.b.ints({axis})});
    };
    std::string query = positions(q, 1);
    if (!past.empty()) query = e.b.add(query, e.b.shape(past, 2, 3));
    const std::string seen = e.b.node("LessOrEqual", {positions(k, 0), query});
    const std::string causal = e.b.node("Where", {seen, zero, never});
    return bias.empty() ? causal : e.b.add(bias, causal);
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
    const std::string weights = e.b.node("Softmax", {logits}, {{"axis", int64_t{-1}}});
    std::string y = e.b.node("MatMul", {weights, repeated(e, v, keys, queries / keys)});
    if (e.rank(e.x()) == 3)
        y = e.b.node("Reshape", {e.b.transpose(y, {0, 2, 1, 3}), e.b.ints({0, 0, -1})});
    return {y, k, v};
}

}  // namespace whence::graph
