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

/// A scatter and the operator that reads what it wrote, at the same indices.
struct Scatter {
    Backward& n;
    const char* gather;
    Attributes axis;

    [[nodiscard]] std::string read(const std::string& t) const { return n.b.node(gather, {t, n.x(1)}, axis); }
    [[nodiscard]] std::string write(const std::string& t, const std::string& updates, const char* reduction) const {
        Attributes attributes = axis;
        attributes["reduction"] = std::string(reduction);
        return n.b.node(n.node.op, {t, n.x(1), updates}, attributes);
    }
};

// Elements written into x: it keeps its gradient elsewhere (everywhere, if they were added), and they
// get the gradient at their places.
void scatter_linear(const Scatter& s, const std::string& reduction) {
    Backward& n = s.n;
    if (n.wants(0) && reduction == "add") n.give(0, n.d());
    if (n.wants(0) && reduction == "none")
        n.give(0, s.write(n.d(), n.b.zeros(n.b.shape(n.x(2)), n.type()), "none"));
    if (n.wants(2)) n.give(2, s.read(n.d()));
}

// d times the product of all other factors at the place, zeros or not: as ReduceProd has it.
void scatter_product(const Scatter& s) {
    Backward& n = s.n;
    const auto is_zero = [&](const std::string& t) { return n.b.node("Equal", {t, n.scalar(0)}); };
    const auto safe = [&](const std::string& t) { return n.b.node("Where", {is_zero(t), n.scalar(1), t}); };
    const auto zero = [&](const std::string& t) { return n.b.cast(is_zero(t), n.type()); };
    const std::string product = s.write(safe(n.x()), safe(n.x(2)), "mul");
    const std::string zeros = s.write(zero(n.x()), zero(n.x(2)), "add");
    const auto others = [&](const std::string& factor, const std::string& all, const std::string& count) {
        const std::string alone = is_zero(n.b.sub(count, zero(factor)));
        return n.b.node("Where", {alone, n.b.div(all, safe(factor)), n.scalar(0)});
    };
    if (n.wants(0)) n.give(0, n.b.mul(n.d(), others(n.x(), product, zeros)));
    if (n.wants(2)) n.give(2, n.b.mul(s.read(n.d()), others(n.x(2), s.read(product), s.read(zeros))));
}

// To those at a place that equal the result, in equal parts where several do: as Max and Min have it.
void scatter_extremum(const Scatter& s) {
    Backward& n = s.n;
    const auto equal = [&](const std::string& t, const std::string& y) {
        return n.b.cast(n.b.node("Equal", {t, y}), n.type());
    };
    const std::string kept = equal(n.x(), n.y()), written = equal(n.x(2), s.read(n.y()));
    const std::string share = n.b.div(n.d(), s.write(kept, written, "add"));
    if (n.wants(0)) n.give(0, n.b.mul(kept, share));
    if (n.wants(2)) n.give(2, n.b.mul(written, s.read(share)));
}

void scatter(const Scatter& s) {
    const std::string reduction = s.n.node.text("reduction", "none");
    if (reduction == "none" || reduction == "add") return scatter_linear(s, reduction);
    if (s.n.deep_lift()) s.n.refuse("no rule splits reduction '" + printable(reduction) + "' exactly");
    if (reduction == "mul") return scatter_product(s);
    if (reduction == "max" || reduction == "min") return scatter_extremum(s);
    s.n.refuse("reduction '" + printable(reduction) + "'");
}

void scatter_elements(Backward& n) {
    scatter({n, "GatherElements", {{"axis", n.node.integer("axis", 0)}}});
}
void scatter_nd(Backward& n) { scatter({n, "GatherND", {}}); }

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
