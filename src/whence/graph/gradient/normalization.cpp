// Normalisations at inference.

#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

// A per-channel vector as [C, 1, 1, ...] beside a tensor of that rank.
std::string per_channel(Backward& n, const std::string& vector, int64_t rank) {
    std::vector<int64_t> shape(rank - 1, 1);
    shape[0] = -1;
    return n.b.reshape(vector, n.b.ints(shape));
}

// Sums over all axes but the channels: back to a vector.
std::string sum_per_channel(Backward& n, const std::string& t) {
    std::vector<int64_t> axes = {0};
    for (int64_t axis = 2; axis < n.rank(n.x()); ++axis) axes.push_back(axis);
    return n.b.reduce_sum(t, axes, false);
}

// y = z scale + bias with z = (x - mean) / sqrt(var + eps).
void batch_normalization(Backward& n) {
    if (n.node.integer("training_mode", 0) != 0) n.refuse("batch normalisation in training mode");
    if (n.deep_lift() && (n.wants(1) || n.wants(4))) n.refuse("its scale or variance follows the input");
    const std::string variance = n.b.add(n.x(4), n.b.scalar(n.node.number("epsilon", 1e-5F), n.type_of(n.x(4))));
    const std::string inverse = n.b.node("Reciprocal", {n.b.node("Sqrt", {variance})});
    const std::string factor = n.b.mul(n.x(1), inverse);
    if (n.wants(0)) n.give(0, n.b.mul(n.d(), per_channel(n, factor, n.rank(n.x()))));
    if (n.wants(2)) n.give(2, sum_per_channel(n, n.d()));
    if (n.wants(3)) n.give(3, n.b.neg(n.b.mul(sum_per_channel(n, n.d()), factor)));
    if (!n.wants(1) && !n.wants(4)) return;
    const std::string centred = n.b.sub(n.x(), per_channel(n, n.x(3), n.rank(n.x())));
    const std::string slope = n.b.mul(sum_per_channel(n, n.b.mul(n.d(), centred)), inverse);
    if (n.wants(1)) n.give(1, slope);
    if (n.wants(4))
        n.give(4, n.b.mul(n.b.mul(slope, factor), n.b.mul(inverse, n.b.scalar(-0.5, n.type_of(n.x(4))))));
}

// x standardised over `axes`: z = (x - mean) inverse, inverse = 1 / sqrt(var + eps).
struct Standardised {
    std::string z, inverse;
    std::vector<int64_t> axes;
};

Standardised standardise(Backward& n, const std::string& x, std::vector<int64_t> axes) {
    const std::string centred = n.b.sub(x, n.b.reduce_mean(x, axes, true));
    const std::string variance = n.b.reduce_mean(n.b.mul(centred, centred), axes, true);
    const std::string above = n.b.add(variance, n.scalar(n.node.number("epsilon", 1e-5F)));
    const std::string inverse = n.b.node("Reciprocal", {n.b.node("Sqrt", {above})});
    return {n.b.mul(centred, inverse), inverse, std::move(axes)};
}

// The gradient of x given that of z: (g - mean(g) - z mean(g z)) inverse.
std::string through(Backward& n, const Standardised& s, const std::string& g) {
    const std::string bent = n.b.mul(s.z, n.b.reduce_mean(n.b.mul(g, s.z), s.axes, true));
    return n.b.mul(s.inverse, n.b.sub(n.b.sub(g, n.b.reduce_mean(g, s.axes, true)), bent));
}

void instance_normalization(Backward& n) {
    const int64_t rank = n.rank(n.x());
    std::vector<int64_t> axes;
    for (int64_t axis = 2; axis < rank; ++axis) axes.push_back(axis);
    const Standardised s = standardise(n, n.x(), axes);
    if (n.wants(0)) n.give(0, through(n, s, n.b.mul(n.d(), per_channel(n, n.x(1), rank))));
    if (n.wants(1)) n.give(1, sum_per_channel(n, n.b.mul(n.d(), s.z)));
    if (n.wants(2)) n.give(2, sum_per_channel(n, n.d()));
}

void layer_normalization(Backward& n) {
    const int64_t rank = n.rank(n.x());
    std::vector<int64_t> axes;
    for (int64_t axis = n.front(n.node.integer("axis", -1), rank); axis < rank; ++axis) axes.push_back(axis);
    const Standardised s = standardise(n, n.x(), axes);
    if (n.wants(0)) n.give(0, through(n, s, n.b.mul(n.d(), n.x(1))));
    if (n.wants(1)) n.give_broadcast(1, n.b.mul(n.d(), s.z));
    if (n.wants(2)) n.give_broadcast(2, n.d());
}

// Groups of channels are standardised as one axis: [N, G, rest]. Scale and bias are per channel from
// opset 21 on, before per group.
void group_normalization(Backward& n) {
    const int64_t groups = n.node.integer("num_groups", 1);
    const bool by_group = n.b.graph().opset() < 21;
    if (by_group && (n.wants(1) || n.wants(2))) n.refuse("its scale or bias depends on the input");
    const std::string grouped = n.b.ints({0, groups, -1});
    const auto in_groups = [&](const std::string& t) { return n.b.node("Reshape", {t, grouped}); };
    const Standardised s = standardise(n, in_groups(n.x()), {2});
    const std::string g = by_group ? n.b.mul(in_groups(n.d()), per_channel(n, n.x(1), 3))
                                   : in_groups(n.b.mul(n.d(), per_channel(n, n.x(1), n.rank(n.x()))));
    if (n.wants(0)) n.give(0, n.b.reshape(through(n, s, g), n.shape_of(n.x())));
    const auto whole = [&](const std::string& t) { return n.b.reshape(t, n.b.shape(n.x())); };
    if (n.wants(1)) n.give(1, sum_per_channel(n, n.b.mul(n.d(), whole(s.z))));
    if (n.wants(2)) n.give(2, sum_per_channel(n, n.d()));
}

// y = x / |x|: (d - slope of |x| sum(d y)) / |x|. A zero vector stays zero and has no slope.
void lp_normalization(Backward& n) {
    const bool euclidean = n.node.integer("p", 2) == 2;
    const std::vector<int64_t> axis = {n.node.integer("axis", -1)};
    const std::string norm = n.b.node(euclidean ? "ReduceL2" : "ReduceL1", {n.x(), n.b.ints(axis)});
    const std::string zero = n.b.node("Equal", {norm, n.scalar(0)});
    const std::string inverse =
        n.b.node("Where", {zero, n.scalar(0), n.b.node("Reciprocal", {norm})});
    const std::string slope = euclidean ? n.y() : n.b.node("Sign", {n.x()});
    const std::string along = n.b.reduce_sum(n.b.mul(n.d(), n.y()), axis, true);
    n.give(0, n.b.mul(inverse, n.b.sub(n.d(), n.b.mul(slope, along))));
}

// Sums over a window of `size` channels around each one, as an average pool over the channel axis.
// `mirrored` sums over the channels whose window holds this one.
std::string channel_window_sum(Backward& n, const std::string& t, int64_t size, bool mirrored) {
    const int64_t before = (size - 1) / 2, after = size - 1 - before;
    const std::vector<int64_t> pads = mirrored ? std::vector<int64_t>{after, 0, before, 0}
                                               : std::vector<int64_t>{before, 0, after, 0};
    const std::string channels = n.b.shape(t, 1, 2);
    const std::string rows = n.b.shape(t, 0, 1);
    const std::string folded = n.b.reshape(t, n.b.concat({rows, n.b.ints({1}), channels, n.b.ints({-1})}, 0));
    const std::string mean = n.b.node("AveragePool", {folded},
                                      {{"kernel_shape", std::vector<int64_t>{size, 1}},
                                       {"pads", pads},
                                       {"count_include_pad", int64_t{1}}});
    return n.b.mul(n.b.reshape(mean, n.b.shape(t)), n.scalar(static_cast<double>(size)));
}

// y = x s^-beta, s = bias + (alpha/size) sum over the window of x^2. Hence
// dx = d s^-beta - (2 alpha beta / size) x sum over mirrored windows of (d x s^(-beta-1)).
void lrn(Backward& n) {
    const int64_t size = n.node.integer("size", 1);
    const double alpha = n.node.number("alpha", 1e-4F) / static_cast<double>(size);
    const double beta = n.node.number("beta", 0.75F), bias = n.node.number("bias", 1);
    const std::string window = channel_window_sum(n, n.b.mul(n.x(), n.x()), size, false);
    const std::string s = n.b.add(n.b.mul(window, n.scalar(alpha)), n.scalar(bias));
    const std::string direct = n.b.mul(n.d(), n.b.node("Pow", {s, n.scalar(-beta)}));
    const std::string inner = n.b.div(n.b.mul(direct, n.x()), s);
    const std::string spread = channel_window_sum(n, inner, size, true);
    n.give(0, n.b.sub(direct, n.b.mul(n.b.mul(n.x(), spread), n.scalar(2 * alpha * beta))));
}

}  // namespace

std::vector<RuleRow> normalization_rules() {
    using enum Change;
    return {{"BatchNormalization", batch_normalization, linear},
            {"InstanceNormalization", instance_normalization},
            {"LayerNormalization", layer_normalization},
            {"GroupNormalization", group_normalization},
            {"LpNormalization", lp_normalization},
            {"LRN", lrn}};
}

}  // namespace whence::graph
