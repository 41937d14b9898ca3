// Operators that move elements without changing them.

#include <algorithm>
#include <numeric>

#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

void pass_through(Backward& n) { n.give(0, n.d()); }
void reshape(Backward& n) { n.give(0, n.b.reshape(n.d(), n.shape_of(n.x()))); }

// Only between floating-point types does a cast carry a gradient (others are not wanted).
void cast(Backward& n) { n.give(0, n.b.cast(n.d(), n.type())); }

void transpose(Backward& n) {
    std::vector<int64_t> order = n.node.integers("perm");
    std::vector<int64_t> inverse(order.empty() ? n.rank(n.x()) : order.size());
    if (order.empty()) std::iota(inverse.rbegin(), inverse.rend(), 0);
    for (size_t i = 0; i < order.size(); ++i) inverse.at(n.front(order[i], order.size())) = static_cast<int64_t>(i);
    n.give(0, n.b.transpose(n.d(), inverse));
}

void expand(Backward& n) { n.give_broadcast(0, n.d()); }

// The gradient of a Concat of channels that comes straight from a convolution: one convolution for
// each part, on its share of the weights, instead of one whose result is cut up. Empty where that does
// not fit; parts keep ONNX Runtime's blocked layout if they are whole blocks of channels.
std::vector<std::string> split_convolution(Backward& n, const std::vector<int64_t>& channels) {
    constexpr int64_t block = 16;
    const Node* made = n.b.graph().producer(n.d());
    if (!made || !made->is("Conv") || made->integer("group", 1) != 1 || made->has_input(2)) return {};
    const Tensor* weights = n.b.graph().constant(made->inputs.at(1));
    if (!weights || std::ranges::any_of(channels, [](int64_t c) { return c <= 0 || c % block != 0; })) return {};
    const Node conv = *made;
    std::vector<std::string> parts;
    int64_t first = 0;
    for (const int64_t count : channels) {
        const std::string share = n.b.constant(weights->slice_rows(first, count));
        parts.push_back(n.b.node("Conv", {conv.inputs[0], share}, conv.attributes));
        first += count;
    }
    return parts;
}

void concat(Backward& n) {
    const int64_t axis = n.front(n.node.integer("axis", 0), n.rank(n.y()));
    std::vector<std::string> lengths;
    std::vector<int64_t> known;
    for (const std::string& input : n.node.inputs) {
        lengths.push_back(n.b.shape(input, axis, axis + 1));
        const Shape shape = n.lengths(input);
        known.push_back(shape.empty() ? -1 : shape.at(axis));
    }
    const bool fixed = std::ranges::find(known, -1) == known.end();
    const std::string split = fixed ? n.b.ints(known) : n.b.concat(lengths, 0);
    std::vector<std::string> parts;
    if (fixed && axis == 1) parts = split_convolution(n, known);
    if (parts.empty()) parts = n.b.nodes("Split", {n.d(), split}, n.node.inputs.size(), {{"axis", axis}});
    for (size_t i = 0; i < parts.size(); ++i)
        if (n.wants(i)) n.give(i, parts[i]);
}

void split(Backward& n) {
    std::vector<std::string> parts;
    for (size_t i = 0; i < n.node.outputs.size(); ++i)
        parts.push_back(n.has_d(i) ? n.d(i) : n.b.zeros(n.b.shape(n.y(i)), n.type()));
    n.give(0, n.b.concat(parts, n.node.integer("axis", 0)));
}

void tile(Backward& n) {
    // y as [r0, l0, r1, l1, ...]: the sum over the repeats.
    const int64_t rank = n.rank(n.x());
    const auto column = [&](const std::string& v) { return n.b.node("Unsqueeze", {v, n.b.ints({1})}); };
    const std::string pairs = n.b.concat({column(n.x(1)), column(n.b.shape(n.x()))}, 1);
    const std::string split = n.b.reshape(n.d(), n.b.reshape(pairs, n.b.ints({-1})));
    std::vector<int64_t> repeats;
    for (int64_t axis = 0; axis < rank; ++axis) repeats.push_back(2 * axis);
    n.give(0, n.b.reduce_sum(split, repeats, false));
}

// y holds running sums; the gradient runs the other way.
void cum_sum(Backward& n) {
    Attributes attributes = n.node.attributes;
    attributes["reverse"] = int64_t{n.node.integer("reverse", 0) == 0};
    n.give(0, n.b.node("CumSum", {n.d(), n.x(1)}, attributes));
}

void trilu(Backward& n) {
    std::vector<std::string> inputs = n.node.inputs;
    inputs[0] = n.d();
    n.give(0, n.b.node("Trilu", inputs, n.node.attributes));
}

void space_to_depth(Backward& n) {
    if (n.node.text("mode", "DCR") != "DCR") n.refuse("a mode other than DCR");
    n.give(0, n.b.node("DepthToSpace", {n.d()}, {{"blocksize", n.node.integer("blocksize", 1)}}));
}

// y[n, c, h b + i, w b + j]: SpaceToDepth puts the block first among the channels, [b b c]; CRD has it
// last, [c b b].
void depth_to_space(Backward& n) {
    const int64_t block = n.node.integer("blocksize", 1);
    std::string gradient = n.b.node("SpaceToDepth", {n.d()}, {{"blocksize", block}});
    if (n.node.text("mode", "DCR") == "CRD") {
        const std::string spread = n.b.node("Reshape", {gradient, n.b.concat({n.b.ints({0, block * block, -1}), n.b.shape(n.x(), 2, 4)}, 0)});
        gradient = n.b.reshape(n.b.transpose(spread, {0, 2, 1, 3, 4}), n.shape_of(n.x()));
    }
    n.give(0, gradient);
}

void dropout(Backward& n) {
    const Tensor* training = n.node.has_input(2) ? n.b.graph().constant(n.x(2)) : nullptr;
    if (n.node.has_input(2) && (!training || training->to_doubles().at(0) != 0)) n.refuse("dropout in training mode");
    n.give(0, n.d());
}

}  // namespace

std::vector<RuleRow> shape_rules() {
    using enum Change;
    return {{"Identity", pass_through, linear},
            {"Dropout", dropout, linear},
            {"Cast", cast, linear},
            {"CastLike", cast, linear},
            {"Reshape", reshape, linear},
            {"Flatten", reshape, linear},
            {"Squeeze", reshape, linear},
            {"Unsqueeze", reshape, linear},
            {"Transpose", transpose, linear},
            {"Expand", expand, linear},
            {"Concat", concat, linear},
            {"Split", split, linear},
            {"Tile", tile, linear},
            {"CumSum", cum_sum, linear},
            {"Trilu", trilu, linear},
            {"DepthToSpace", depth_to_space, linear},
            {"SpaceToDepth", space_to_depth, linear}};
}

}  // namespace whence::graph
