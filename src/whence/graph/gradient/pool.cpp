// Pools.

#include <functional>

#include "whence/graph/gradient/max_pool.h"
#include "whence/graph/gradient/multiplier.h"
#include "whence/graph/gradient/spatial.h"

namespace whence::graph {
namespace {

// To the first largest element of each window, which a second pool with indices finds.
void max_pool(Backward& n) {
    if (n.node.integer("storage_order", 0) != 0) n.refuse("column-major storage order");
    if (!n.deep_lift() && !n.notes.options.again && max_pool_by_taps(n)) return;
    give_picked(n, true, [&](const std::string& x, const std::string&, const std::string& d) {
        const std::string indices = n.b.nodes("MaxPool", {x}, 2, n.node.attributes)[1];
        const std::string flat = n.b.ints({-1});
        const std::string zeros = n.b.zeros(n.b.reshape(n.b.node("Size", {x}), n.b.ints({1})), n.type());
        const std::string scattered =
            n.b.node("ScatterElements", {zeros, n.b.reshape(indices, flat), n.b.reshape(d, flat)},
                     {{"reduction", std::string("add")}});
        return n.b.reshape(scattered, n.b.shape(x));
    });
}

// The kernel [1, 1, k...] of ones, which sums over a window.
std::string box(Backward& n, const Window& window) {
    Shape shape = {1, 1};
    shape.insert(shape.end(), window.kernel.begin(), window.kernel.end());
    Tensor kernel(ElementType::float64, shape);
    for (double& weight : kernel.as<double>()) weight = 1;
    return n.b.constant(kernel.cast(n.type()));
}

// Adds each element of a tensor of the shape of y to all elements of its window. Channels are alike:
// folded into the rows, so that one kernel serves any number of them.
std::string spread_over_windows(Backward& n, const std::string& each, const Window& window) {
    const auto rank = static_cast<int64_t>(window.axes()) + 2;
    const std::string folded =
        n.b.reshape(each, n.b.concat({n.b.ints({-1, 1}), n.b.shape(n.y(), 2, rank)}, 0));
    return n.b.reshape(scatter_windows(n, folded, box(n, window), window, 1), n.b.shape(n.x()));
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
    const std::string weights = box(n, window);
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
    n.give(0, spread_over_windows(n, share, window));
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
    give_picked(n, true, [&](const std::string& x, const std::string& y, const std::string& d) {
        const std::string equal = n.b.cast(n.b.node("Equal", {x, y}), n.type());
        return n.b.mul(equal, n.b.div(d, n.b.reduce_sum(equal, axes, true)));
    });
}

// y = (sum |x|^p)^(1/p), so that dx = sign(x) |x|^(p-1) (d y^(1-p)), the last over every window of x.
// Where y = 0 the norm has no slope: 0.
std::string slope_of_norm(Backward& n, const std::function<std::string(const std::string&)>& to_elements) {
    const double p = static_cast<double>(n.node.integer("p", 2));
    const std::string size = n.b.node("Abs", {n.x()}), sign = n.b.node("Sign", {n.x()});
    const std::string zero = n.b.node("Equal", {n.y(), n.scalar(0)});
    const std::string safe = n.b.node("Where", {zero, n.scalar(1), n.y()});
    const std::string share = n.b.mul(n.d(), n.b.node("Pow", {safe, n.scalar(1 - p)}));
    const std::string own = n.b.mul(sign, n.b.node("Pow", {size, n.scalar(p - 1)}));
    return n.b.mul(own, to_elements(share));
}

void lp_pool(Backward& n) {
    const Window window = read_window(n, {});
    n.give(0, slope_of_norm(n, [&](const std::string& t) { return spread_over_windows(n, t, window); }));
}

void global_lp_pool(Backward& n) {
    n.give(0, slope_of_norm(n, [](const std::string& t) { return t; }));  // broadcast
}

}  // namespace

std::vector<RuleRow> pool_rules() {
    using enum Change;
    return {{"MaxPool", max_pool, own},
            {"AveragePool", average_pool, linear},
            {"GlobalAveragePool", global_average_pool, linear},
            {"GlobalMaxPool", global_max_pool, own},
            {"LpPool", lp_pool},
            {"GlobalLpPool", global_lp_pool}};
}

}  // namespace whence::graph
