// Resize is linear and acts on each axis alone, so its gradient multiplies each axis by a matrix
// turned around. The matrix is asked of the operator itself: what it makes of the identity. That is
// right for every mode, coordinate rule and scale.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

// [L, out]: row i is how element i of the axis is spread over the output.
std::string axis_matrix(Backward& n, int64_t axis) {
    const std::string length = n.b.shape(n.x(), axis, axis + 1);
    const std::string square = n.b.node("Expand", {n.scalar(0), n.b.concat({length, length}, 0)});
    const std::string identity = n.b.node("EyeLike", {square});
    Attributes attributes = n.node.attributes;
    attributes.erase("axes");
    attributes.erase("extrapolation_value");  // a constant that is added: 0 here
    const std::vector<int64_t> axes = n.node.integers("axes");
    const auto number_of = [](double value) {
        return Tensor::of<float>({1}, std::vector<float>{static_cast<float>(value)});
    };
    const int64_t count = axes.empty() ? n.rank(n.x()) : static_cast<int64_t>(axes.size());
    int64_t position = axis;
    for (int64_t i = 0; i < static_cast<int64_t>(axes.size()); ++i)
        if (n.front(axes[i], n.rank(n.x())) == axis) position = i;
    // The entry of this axis in an input that has one for each of `axes`.
    const auto entry = [&](size_t input, int64_t at) {
        return n.b.node("Slice", {n.x(input), n.b.ints({at}), n.b.ints({at + 1})});
    };
    const std::string zero = n.b.constant(number_of(0)), one = n.b.constant(number_of(1));
    std::string crop;
    if (n.node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
        crop = n.b.concat({zero, entry(1, position), one, entry(1, position + count)}, 0);
    if (n.node.has_input(3)) {
        const std::string sizes = n.b.concat({length, n.b.shape(n.y(), axis, axis + 1)}, 0);
        return n.b.node("Resize", {identity, crop, "", sizes}, attributes);
    }
    return n.b.node("Resize", {identity, crop, n.b.concat({one, entry(2, position)}, 0)}, attributes);
}

// d along `axis` times the matrix turned around.
std::string multiply_axis(Backward& n, const std::string& d, const std::string& matrix, int64_t axis,
                          int64_t rank) {
    if (axis == rank - 2) return n.b.node("MatMul", {matrix, d});
    std::vector<int64_t> order(rank);
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[axis], order[rank - 1]);
    const std::string last = axis == rank - 1 ? d : n.b.transpose(d, order);
    const std::string product = n.b.node("MatMul", {last, n.b.transpose(matrix, {1, 0})});
    return axis == rank - 1 ? product : n.b.transpose(product, order);
}

bool may_change(Backward& n, int64_t axis, int64_t rank) {
    const ValueInfo in = n.b.graph().value(n.x()), out = n.b.graph().value(n.y());
    const std::vector<int64_t> axes = n.node.integers("axes");
    if (!axes.empty())
        return std::ranges::any_of(axes, [&](int64_t a) { return n.front(a, rank) == axis; });
    if (n.node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize") return true;
    if (!in.shape || !out.shape) return true;
    const Dimension &a = (*in.shape)[axis], &b = (*out.shape)[axis];
    if (const Tensor* scales = n.node.has_input(2) ? n.b.graph().constant(n.x(2)) : nullptr;
        scales && scales->size() == rank)
        return scales->to_doubles()[axis] != 1;
    if (n.node.has_input(3)) return a.length < 0 || a.length != b.length;
    // Scales only the run knows: rows and channels of an image are never resized in practice, and a
    // matrix for them would be of size rows x rows.
    return rank < 3 || axis >= 2;
}

// Nearest enlargement by whole numbers: the gradient is the sum over each block.
bool by_block_sums(Backward& n, int64_t rank) {
    const Tensor* scales = n.node.has_input(2) ? n.b.graph().constant(n.x(2)) : nullptr;
    if (!scales || scales->size() != rank || rank < 3 || n.node.has_input(3)) return false;
    if (n.node.text("mode", "nearest") != "nearest" ||
        n.node.text("coordinate_transformation_mode", "half_pixel") != "asymmetric" ||
        n.node.text("nearest_mode", "round_prefer_floor") != "floor")
        return false;
    std::vector<int64_t> block;
    double size = 1;
    const std::vector<double> values = scales->to_doubles();
    for (int64_t axis = 0; axis < rank; ++axis) {
        if (values[axis] != std::floor(values[axis]) || values[axis] < 1) return false;
        if (axis < 2 && values[axis] != 1) return false;
        if (axis >= 2) block.push_back(static_cast<int64_t>(values[axis]));
        size *= values[axis];
    }
    const std::string mean = n.b.node("AveragePool", {n.d()}, {{"kernel_shape", block}, {"strides", block}});
    n.give(0, n.b.mul(mean, n.scalar(size)));
    return true;
}

void resize(Backward& n) {
    if (n.node.text("keep_aspect_ratio_policy", "stretch") != "stretch") n.refuse("keep_aspect_ratio_policy");
    const int64_t rank = n.rank(n.x());
    if (by_block_sums(n, rank)) return;
    std::string gradient = n.d();
    for (int64_t axis = 0; axis < rank; ++axis)
        if (may_change(n, axis, rank)) gradient = multiply_axis(n, gradient, axis_matrix(n, axis), axis, rank);
    n.give(0, gradient);
}

}  // namespace

std::vector<RuleRow> resize_rules() {
    using enum Change;
    return {{"Resize", resize, linear}};
}

}  // namespace whence::graph
