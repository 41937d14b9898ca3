// Operators that pick elements of x, and those that put elements into it.

#include <algorithm>

#include "whence/core/error.h"
#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

// What is picked does not depend on what the elements are: done to the positions 0, 1, ... instead,
// the operator tells which element of x each element of y is. d is added up there.
void by_positions(Backward& n) {
    const std::string count = n.b.node("Size", {n.x()});
    const std::string line = n.b.node("Range", {n.b.integer(0), count, n.b.integer(1)});
    std::vector<std::string> inputs = n.node.inputs;
    inputs[0] = n.b.reshape(line, n.b.shape(n.x()));
    const std::string flat = n.b.ints({-1});
    const std::string picked = n.b.reshape(n.b.node(n.node.op, inputs, n.node.attributes), flat);
    const std::string zeros = n.b.zeros(n.b.reshape(count, n.b.ints({1})), n.type());
    const std::string sums = n.b.node("ScatterElements", {zeros, picked, n.b.reshape(n.d(), flat)},
                                      {{"reduction", std::string("add")}});
    n.give(0, n.b.reshape(sums, n.shape_of(n.x())));
}

// With steps of 1 and known lengths: zeros around the gradient.
bool slice_by_padding(Backward& n) {
    const auto starts = n.constant_ints(1), axes = n.constant_ints(3), steps = n.constant_ints(4);
    const Shape in = n.lengths(n.x()), out = n.lengths(n.y());
    if (!starts || (n.node.has_input(3) && !axes) || (n.node.has_input(4) && !steps) || out.empty()) return false;
    const auto rank = static_cast<int64_t>(in.size());
    std::vector<int64_t> pads(2 * rank, 0);
    for (size_t i = 0; i < starts->size(); ++i) {
        const int64_t axis = n.front(axes ? axes->at(i) : static_cast<int64_t>(i), rank);
        if ((steps && steps->at(i) != 1) || in.at(axis) < 0 || out.at(axis) <= 0) return false;
        const int64_t start = (*starts)[i] < 0 ? (*starts)[i] + in[axis] : (*starts)[i];
        pads[axis] = std::clamp<int64_t>(start, 0, in[axis]);
        pads[axis + rank] = in[axis] - pads[axis] - out[axis];
    }
    n.give(0, n.b.node("Pad", {n.d(), n.b.ints(pads)}));
    return true;
}

void slice(Backward& n) {
    if (!slice_by_padding(n)) by_positions(n);
}

void gather_elements(Backward& n) {
    const std::string zeros = n.b.zeros(n.b.shape(n.x()), n.type());
    n.give(0, n.b.node("ScatterElements", {zeros, n.x(1), n.d()},
                       {{"axis", n.node.integer("axis", 0)}, {"reduction", std::string("add")}}));
}

// A constant frame is cut off, and the constant gets what falls on it; a frame of repeated or mirrored
// elements is added back to where they came from.
void pad(Backward& n) {
    if (n.node.text("mode", "constant") != "constant") return by_positions(n);
    std::vector<std::string> inputs = {n.d(), n.b.neg(n.x(1))};
    if (n.node.has_input(3)) inputs.insert(inputs.end(), {"", n.x(3)});
    const std::string inner = n.b.node("Pad", inputs);
    n.give(0, inner);
    const auto total = [&](const std::string& t) {
        return n.b.node("ReduceSum", {t}, {{"keepdims", int64_t{0}}});
    };
    if (n.wants(2)) n.give(2, n.b.reshape(n.b.sub(total(n.d()), total(inner)), n.b.shape(n.x(2))));
}

// The largest values: TopK itself says where they are.
void top_k(Backward& n) {
    const std::string zeros = n.b.zeros(n.b.shape(n.x()), n.type());
    const std::string where = n.b.nodes("TopK", n.node.inputs, 2, n.node.attributes)[1];
    n.give(0, n.b.node("ScatterElements", {zeros, where, n.d()},
                       {{"axis", n.node.integer("axis", -1)}, {"reduction", std::string("add")}}));
}

// Elements written into x: it keeps its gradient elsewhere (everywhere, if they were added), and they
// get the gradient at their places.
void scatter(Backward& n, const char* gather, const Attributes& axis) {
    const std::string reduction = n.node.text("reduction", "none");
    if (reduction != "none" && reduction != "add") n.refuse("reduction '" + printable(reduction) + "'");
    if (n.wants(0) && reduction == "add") n.give(0, n.d());
    if (n.wants(0) && reduction == "none") {
        const std::string zeros = n.b.zeros(n.b.shape(n.x(2)), n.type());
        n.give(0, n.b.node(n.node.op, {n.d(), n.x(1), zeros}, axis));
    }
    if (n.wants(2)) n.give(2, n.b.node(gather, {n.d(), n.x(1)}, axis));
}

void scatter_elements(Backward& n) {
    scatter(n, "GatherElements", {{"axis", n.node.integer("axis", 0)}});
}
void scatter_nd(Backward& n) { scatter(n, "GatherND", {}); }

}  // namespace

std::vector<RuleRow> select_rules() {
    using enum Change;
    return {{"Slice", slice, linear},
            {"Gather", by_positions, linear},
            {"GatherElements", gather_elements, linear},
            {"GatherND", by_positions, linear},
            {"Pad", pad, linear},
            {"TopK", top_k},
            {"ScatterElements", scatter_elements, linear},
            {"ScatterND", scatter_nd, linear}};
}

}  // namespace whence::graph
