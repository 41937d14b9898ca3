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
    const auto parts = n.b.nodes("Split", {n.d(), split}, n.node.inputs.size(), {{"axis", axis}});
    for (size_t i = 0; i < parts.size(); ++i)
        if (n.wants(i)) n.give(i, parts[i]);
}

void split(Backward& n) {
    std::vector<std::string> parts;
    for (size_t i = 0; i < n.node.outputs.size(); ++i)
        parts.push_back(n.d(i).empty() ? n.b.zeros(n.b.shape(n.y(i)), n.type()) : n.d(i));
    n.give(0, n.b.concat(parts, n.node.integer("axis", 0)));
}

// zeros of x's length along `axis`; row j of d is added to row indices[j].
std::string scatter_axis(Backward& n, const std::string& d, const std::string& indices,
                         const std::string& length, int64_t axis, int64_t rank) {
    std::vector<std::string> shape;
    if (axis > 0) shape.push_back(n.b.shape(d, 0, axis));
    shape.push_back(length);
    if (axis + 1 < rank) shape.push_back(n.b.shape(d, axis + 1, rank));
    const std::string zeros = n.b.zeros(shape.size() > 1 ? n.b.concat(shape, 0) : shape[0], n.type());
    std::vector<int64_t> column(rank, 1);
    column[axis] = -1;
    const std::string wide =
        n.b.node("Expand", {n.b.reshape(indices, n.b.ints(column)), n.b.shape(d)});
    return n.b.node("ScatterElements", {zeros, wide, d},
                    {{"axis", axis}, {"reduction", std::string("add")}});
}

// Positions 0, 1, ... along an axis of x.
std::string positions(Backward& n, int64_t axis) {
    const std::string length = n.b.reshape(n.b.shape(n.x(), axis, axis + 1), n.b.ints({}));
    return n.b.node("Range", {n.b.integer(0), length, n.b.integer(1)});
}

// With steps of 1 and known lengths: zeros around the gradient.
bool slice_by_padding(Backward& n, int64_t rank) {
    const auto starts = n.constant_ints(1), axes = n.constant_ints(3), steps = n.constant_ints(4);
    const Shape in = n.lengths(n.x()), out = n.lengths(n.y());
    if (!starts || (n.node.has_input(3) && !axes) || (n.node.has_input(4) && !steps) || out.empty()) return false;
    std::vector<int64_t> pads(2 * rank, 0);
    for (size_t i = 0; i < starts->size(); ++i) {
        const int64_t axis = n.front(axes ? axes->at(i) : static_cast<int64_t>(i), rank);
        if ((steps && steps->at(i) != 1) || in.at(axis) < 0 || out.at(axis) < 0) return false;
        const int64_t start = (*starts)[i] < 0 ? (*starts)[i] + in[axis] : (*starts)[i];
        pads[axis] = std::clamp<int64_t>(start, 0, in[axis]);
        pads[axis + rank] = in[axis] - pads[axis] - out[axis];
    }
    n.give(0, n.b.node("Pad", {n.d(), n.b.ints(pads)}));
    return true;
}

void slice(Backward& n) {
    const int64_t rank = n.rank(n.x());
    if (slice_by_padding(n, rank)) return;
    const auto axes = n.constant_ints(3);
    if (n.node.has_input(3) && !axes) n.refuse("its axes are computed");
    // Slicing the positions tells which ones were taken, whatever starts, ends and steps are.
    const auto one = [&](size_t input, int64_t i) {
        return n.b.node("Slice", {n.x(input), n.b.ints({i}), n.b.ints({i + 1})});
    };
    const int64_t count = axes ? static_cast<int64_t>(axes->size()) : n.lengths(n.x(1)).at(0);
    if (count < 0) n.refuse("the number of its axes is not known");
    std::string gradient = n.d();
    for (int64_t i = 0; i < count; ++i) {
        const int64_t axis = n.front(axes ? (*axes)[i] : i, rank);
        std::vector<std::string> inputs = {positions(n, axis), one(1, i), one(2, i), n.b.ints({0})};
        if (n.node.has_input(4)) inputs.push_back(one(4, i));
        const std::string taken = n.b.node("Slice", inputs);
        gradient = scatter_axis(n, gradient, taken, n.b.shape(n.x(), axis, axis + 1), axis, rank);
    }
    n.give(0, gradient);
}

void gather(Backward& n) {
    const int64_t rank = n.rank(n.x());
    const int64_t axis = n.front(n.node.integer("axis", 0), rank);
    // The indices' own shape is flattened away: row j of d belongs to position indices[j].
    const std::string flat = n.b.reshape(n.x(1), n.b.ints({-1}));
    std::vector<std::string> shape;
    if (axis > 0) shape.push_back(n.b.shape(n.x(), 0, axis));
    shape.push_back(n.b.shape(flat));
    if (axis + 1 < rank) shape.push_back(n.b.shape(n.x(), axis + 1, rank));
    const std::string d = n.b.reshape(n.d(), shape.size() > 1 ? n.b.concat(shape, 0) : shape[0]);
    n.give(0, scatter_axis(n, d, flat, n.b.shape(n.x(), axis, axis + 1), axis, rank));
}

void gather_elements(Backward& n) {
    const std::string zeros = n.b.zeros(n.b.shape(n.x()), n.type());
    n.give(0, n.b.node("ScatterElements", {zeros, n.x(1), n.d()},
                       {{"axis", n.node.integer("axis", 0)}, {"reduction", std::string("add")}}));
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

// A constant frame is cut off; a frame of repeated or mirrored elements is added back to where they
// came from, axis by axis: padding the positions tells where that is.
void pad(Backward& n) {
    const std::string mode = n.node.text("mode", "constant");
    const int64_t rank = n.rank(n.x());
    if (mode == "constant" && !n.node.has_input(3)) {
        n.give(0, n.b.node("Pad", {n.d(), n.b.neg(n.x(1))}));
        return;
    }
    std::vector<int64_t> axes(rank);
    std::iota(axes.begin(), axes.end(), 0);
    if (n.node.has_input(3)) {
        const auto given = n.constant_ints(3);
        if (!given) n.refuse("its axes are computed");
        axes = *given;
    }
    if (mode == "constant") {
        n.give(0, n.b.node("Pad", {n.d(), n.b.neg(n.x(1)), "", n.x(3)}));
        return;
    }
    std::string gradient = n.d();
    const auto count = static_cast<int64_t>(axes.size());
    for (int64_t i = 0; i < count; ++i) {
        const int64_t axis = n.front(axes[i], rank);
        const std::string amounts = n.b.node("Gather", {n.x(1), n.b.ints({i, i + count})});
        const std::string source = n.b.node("Pad", {positions(n, axis), amounts}, {{"mode", mode}});
        gradient = scatter_axis(n, gradient, source, n.b.shape(n.x(), axis, axis + 1), axis, rank);
    }
    n.give(0, gradient);
}

}  // namespace

std::vector<RuleRow> shape_rules() {
    return {{"Identity", pass_through},
            {"Dropout", pass_through},
            {"Cast", cast},
            {"Reshape", reshape},
            {"Flatten", reshape},
            {"Squeeze", reshape},
            {"Unsqueeze", reshape},
            {"Transpose", transpose},
            {"Expand", expand},
            {"Concat", concat},
            {"Split", split},
            {"Slice", slice},
            {"Gather", gather},
            {"GatherElements", gather_elements},
            {"Tile", tile},
            {"Pad", pad}};
}

}  // namespace whence::graph
