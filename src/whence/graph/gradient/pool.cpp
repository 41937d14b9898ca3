// Pools.

#include "whence/graph/gradient/spatial.h"

namespace whence::graph {
namespace {

// To the first largest element of each window, which a second pool with indices finds.
void max_pool(Backward& n) {
    if (n.node.integer("storage_order", 0) != 0) n.refuse("column-major storage order");
    const std::string indices = n.b.nodes("MaxPool", {n.x()}, 2, n.node.attributes)[1];
    const std::string flat = n.b.ints({-1});
    const std::string zeros = n.b.zeros(n.b.reshape(n.b.node("Size", {n.x()}), n.b.ints({1})), n.type());
    const std::string scattered =
        n.b.node("ScatterElements", {zeros, n.b.reshape(indices, flat), n.b.reshape(n.d(), flat)},
                 {{"reduction", std::string("add")}});
    n.give(0, n.b.reshape(scattered, n.b.shape(n.x())));
}

// Each window's mean is spread over its elements. By how much an element counts is asked of the
// operator itself: its answer for ones, over the number of real elements in the window, is right for
// every padding, counting and rounding mode.
void average_pool(Backward& n) {
    const Window window = read_window(n, {});
    const auto rank = static_cast<int64_t>(window.axes()) + 2;
    const std::string one_each = n.b.ints({1, 1});
    const std::string ones = n.b.node("Expand", {n.scalar(1), n.b.concat({one_each, n.b.shape(n.x(), 2, rank)}, 0)});
    const std::string mean = n.b.node("AveragePool", {ones}, n.node.attributes);
    Shape kernel_shape = {1, 1};
    kernel_shape.insert(kernel_shape.end(), window.kernel.begin(), window.kernel.end());
    Tensor kernel(ElementType::float64, kernel_shape);
    for (double& weight : kernel.as<double>()) weight = 1;
    const std::string weights = n.b.constant(kernel.cast(n.type()));
    // With ceil_mode windows may hang over the end: more zeros there, then as many windows as y has.
    std::vector<int64_t> pads = window.begin;
    for (size_t axis = 0; axis < window.axes(); ++axis)
        pads.push_back(window.end[axis] + window.strides[axis] - 1);
    const std::string all_counts = n.b.node("Conv", {ones, weights},
                                            {{"kernel_shape", window.kernel},
                                             {"strides", window.strides},
                                             {"dilations", window.dilations},
                                             {"pads", pads}});
    std::vector<int64_t> spatial;
    for (int64_t axis = 2; axis < rank; ++axis) spatial.push_back(axis);
    const std::string counts =
        n.b.node("Slice", {all_counts, n.b.ints(std::vector<int64_t>(window.axes(), 0)),
                           n.b.shape(mean, 2, rank), n.b.ints(spatial)});
    const std::string share = n.b.mul(n.d(), n.b.div(mean, counts));
    // Channels are alike: fold them into the rows, so that one kernel serves any number of them.
    const std::string folded =
        n.b.reshape(share, n.b.concat({n.b.ints({-1, 1}), n.b.shape(n.y(), 2, rank)}, 0));
    n.give(0, n.b.reshape(scatter_windows(n, folded, weights, window, 1), n.b.shape(n.x())));
}

void global_average_pool(Backward& n) {
    const auto lengths = spatial_lengths(n, n.x());
    std::string share;
    if (lengths) {
        double count = 1;
        for (const int64_t length : *lengths) count *= static_cast<double>(length);
        share = n.b.mul(n.d(), n.scalar(1 / count));
    } else {
        const auto size = [&](const std::string& t) { return n.b.cast(n.b.node("Size", {t}), n.type()); };
        share = n.b.div(n.d(), n.b.div(size(n.x()), size(n.y())));
    }
    n.give(0, n.b.node("Expand", {share, n.b.shape(n.x())}));
}

void global_max_pool(Backward& n) {
    std::vector<int64_t> axes;
    for (int64_t axis = 2; axis < n.rank(n.x()); ++axis) axes.push_back(axis);
    const std::string equal = n.b.cast(n.b.node("Equal", {n.x(), n.y()}), n.type());
    n.give(0, n.b.mul(equal, n.b.div(n.d(), n.b.reduce_sum(equal, axes, true))));
}

}  // namespace

std::vector<RuleRow> pool_rules() {
    return {{"MaxPool", max_pool},
            {"AveragePool", average_pool},
            {"GlobalAveragePool", global_average_pool},
            {"GlobalMaxPool", global_max_pool}};
}

}  // namespace whence::graph
