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

void batch_normalization(Backward& n) {
    if (n.node.integer("training_mode", 0) != 0) n.refuse("batch normalisation in training mode");
    for (size_t i = 1; i < n.node.inputs.size(); ++i)
        if (n.wants(i)) n.refuse("its scale or statistics depend on the input");
    const std::string variance = n.b.add(n.x(4), n.b.scalar(n.node.number("epsilon", 1e-5F), n.type_of(n.x(4))));
    const std::string factor = n.b.div(n.x(1), n.b.node("Sqrt", {variance}));
    n.give(0, n.b.mul(n.d(), per_channel(n, factor, n.rank(n.x()))));
}

// For z = (x - mean) / sqrt(var + eps) over `axes`, the gradient of x given that of z:
// (g - mean(g) - z mean(g z)) / sqrt(var + eps).
std::string through_standardisation(Backward& n, const std::string& g, const std::vector<int64_t>& axes,
                                    float epsilon) {
    const std::string centred = n.b.sub(n.x(), n.b.reduce_mean(n.x(), axes, true));
    const std::string variance = n.b.reduce_mean(n.b.mul(centred, centred), axes, true);
    const std::string inverse =
        n.b.node("Reciprocal", {n.b.node("Sqrt", {n.b.add(variance, n.scalar(epsilon))})});
    const std::string z = n.b.mul(centred, inverse);
    const std::string bent = n.b.mul(z, n.b.reduce_mean(n.b.mul(g, z), axes, true));
    return n.b.mul(inverse, n.b.sub(n.b.sub(g, n.b.reduce_mean(g, axes, true)), bent));
}

void instance_normalization(Backward& n) {
    if (n.wants(1) || n.wants(2)) n.refuse("its scale or bias depends on the input");
    const int64_t rank = n.rank(n.x());
    std::vector<int64_t> axes;
    for (int64_t axis = 2; axis < rank; ++axis) axes.push_back(axis);
    const std::string g = n.b.mul(n.d(), per_channel(n, n.x(1), rank));
    n.give(0, through_standardisation(n, g, axes, n.node.number("epsilon", 1e-5F)));
}

void layer_normalization(Backward& n) {
    if (n.wants(1) || n.wants(2)) n.refuse("its scale or bias depends on the input");
    const int64_t rank = n.rank(n.x());
    std::vector<int64_t> axes;
    for (int64_t axis = n.front(n.node.integer("axis", -1), rank); axis < rank; ++axis) axes.push_back(axis);
    n.give(0, through_standardisation(n, n.b.mul(n.d(), n.x(1)), axes, n.node.number("epsilon", 1e-5F)));
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
    const std::string through = n.b.div(n.b.mul(direct, n.x()), s);
    const std::string spread = channel_window_sum(n, through, size, true);
    n.give(0, n.b.sub(direct, n.b.mul(n.b.mul(n.x(), spread), n.scalar(2 * alpha * beta))));
}

}  // namespace

std::vector<RuleRow> normalization_rules() {
    return {{"BatchNormalization", batch_normalization},
            {"InstanceNormalization", instance_normalization},
            {"LayerNormalization", layer_normalization},
            {"LRN", lrn}};
}

}  // namespace whence::graph
