// GridSample reads x at the places that a grid names: y[n, c, o] = sum over taps t of w[n, o, t] x[n, c, p(n, o, t)].
// Along each axis a place has 1, 2 or 4 taps; those of a picture are all pairs of one along each axis. So x gets d w,
// added up at the places p, and the grid gets d x[p] times the slopes of w.
//
// Taps beyond the edge count 0 or are read inside, one by one, as ONNX Runtime has it. (The standard's text moves the
// place inside first, which for bicubic taps beyond a border is another function.)

#include "whence/core/error.h"
#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

/// Weights of the taps as polynomials of how far the place is past its first whole position: one row for each
/// power, one column for each tap.
struct Interpolation {
    double first;  ///< the first tap, relative to that position
    std::vector<std::vector<double>> weights;
    [[nodiscard]] size_t taps() const { return weights[0].size(); }
};

Interpolation interpolation_of(Backward& n) {
    const std::string mode = n.node.text("mode", "linear");
    if (mode == "nearest") return {0, {{1}}};
    if (mode == "linear" || mode == "bilinear") return {0, {{1, 0}, {-1, 1}}};
    // Keys 1981, equation 4, with a = -3/4.
    if (mode == "cubic" || mode == "bicubic")
        return {-1, {{0, 1, 0, 0}, {-0.75, 0, 0.75, 0}, {1.5, -2.25, 1.5, -0.75}, {-0.75, 1.25, -1.25, 0.75}}};
    n.refuse("mode '" + printable(mode) + "'");
}

std::vector<std::vector<double>> derivative(const std::vector<std::vector<double>>& polynomials) {
    std::vector<std::vector<double>> slopes(polynomials.begin() + 1, polynomials.end());
    for (size_t power = 0; power < slopes.size(); ++power)
        for (double& coefficient : slopes[power]) coefficient *= static_cast<double>(power + 1);
    return slopes;
}

/// What is read along one axis; tensors [N, places, taps].
struct Taps {
    std::string positions, weights, slopes;  ///< slopes: by the grid; empty unless it wants them
};

class Sampler {
 public:
    explicit Sampler(Backward& backward)
        : n(backward), axes_(static_cast<size_t>(n.rank(n.x())) - 2), interpolation_(interpolation_of(n)),
          corners_(n.node.integer("align_corners", 0) != 0), padding_(n.node.text("padding_mode", "zeros")) {
        if (padding_ != "zeros" && padding_ != "border" && padding_ != "reflection")
            n.refuse("padding mode '" + printable(padding_) + "'");
        for (size_t axis = 0; axis < axes_; ++axis) taps_.push_back(along(axis));
        line_ = n.b.node("Reshape", {n.x(), n.b.ints({0, 0, -1})});
        d_ = n.b.node("Reshape", {n.d(), n.b.ints({0, 0, -1, 1})});
        positions_ = positions();
    }

    void give_x() {
        const std::string spread = n.b.node("Reshape", {n.b.mul(d_, flat(weights())), n.b.ints({0, 0, -1})});
        const std::string zeros = n.b.zeros(n.b.shape(line_), n.type());
        const std::string sums = n.b.node("ScatterElements", {zeros, positions_, spread},
                                          {{"axis", int64_t{2}}, {"reduction", std::string("add")}});
        n.give(0, n.b.reshape(sums, n.shape_of(n.x())));
    }

    void give_grid() {
        const std::string read = n.b.node("GatherElements", {line_, positions_}, {{"axis", int64_t{2}}});
        const std::string shape = n.b.concat({n.b.shape(d_, 0, 3), n.b.ints({all_taps()})}, 0);
        const std::string each = n.b.reduce_sum(n.b.mul(d_, n.b.reshape(read, shape)), {1}, true);
        std::vector<std::string> parts;
        for (size_t axis = axes_; axis-- > 0;)  // a grid has the last axis first
            parts.push_back(n.b.reduce_sum(n.b.mul(each, flat(weights(axis))), {1, 3}, false));
        for (std::string& part : parts) part = n.b.node("Unsqueeze", {part, n.b.ints({-1})});
        n.give(1, n.b.reshape(n.b.concat(parts, -1), n.shape_of(n.x(1))));
    }

 private:
    // Where a tap at `t` is read: mirrored at the edges as often as it takes. `low` is the first edge.
    std::string reflected(const std::string& t, const std::string& length) {
        const std::string low = n.scalar(corners_ ? 0 : -0.5);
        const std::string width = corners_ ? n.b.node("Max", {n.b.sub(length, n.scalar(1)), n.scalar(1)}) : length;
        const std::string period = n.b.add(width, width), from_low = n.b.sub(t, low);
        const std::string times = n.b.node("Floor", {n.b.div(from_low, period)});
        const std::string within = n.b.sub(from_low, n.b.mul(times, period));
        return n.b.add(low, n.b.sub(width, n.b.node("Abs", {n.b.sub(within, width)})));
    }

    Taps along(size_t axis) {
        const auto spatial = static_cast<int64_t>(axis) + 2;
        const std::string length = n.b.cast(n.b.shape(n.x(), spatial, spatial + 1), n.type());
        const std::string last = n.b.sub(length, n.scalar(1)), half = n.scalar(0.5);
        const std::string column = n.b.node("Gather", {n.x(1), n.b.integer(static_cast<int64_t>(axes_ - 1 - axis))},
                                            {{"axis", int64_t{-1}}});
        const std::string from_edge = n.b.add(n.b.node("Reshape", {column, n.b.ints({0, -1, 1})}), n.scalar(1));
        const std::string place = corners_ ? n.b.mul(n.b.mul(from_edge, half), last)
                                           : n.b.mul(n.b.sub(n.b.mul(from_edge, length), n.scalar(1)), half);
        const bool nearest = interpolation_.taps() == 1;
        const std::string whole = n.b.node(nearest ? "Round" : "Floor", {place});
        std::vector<double> steps(interpolation_.taps());
        for (size_t tap = 0; tap < steps.size(); ++tap) steps[tap] = interpolation_.first + static_cast<double>(tap);
        const std::string t = n.b.add(whole, row(steps));

        Taps taps;
        const std::string integer = n.b.cast(padding_ == "reflection" ? reflected(t, length) : t, ElementType::int64);
        const std::string end = n.b.sub(n.b.shape(n.x(), spatial, spatial + 1), n.b.ints({1}));
        taps.positions = n.b.node("Min", {n.b.node("Max", {integer, n.b.ints({0})}), end});
        const auto weigh = [&](const std::vector<std::vector<double>>& polynomials) {
            const std::string value = polynomial(polynomials, n.b.sub(place, whole), n.b.shape(t));
            return padding_ == "zeros" ? n.b.mul(value, inside(t, last)) : value;
        };
        taps.weights = weigh(interpolation_.weights);
        if (!n.wants(1) || nearest) return taps;
        const std::string speed = n.b.mul(corners_ ? last : length, half);  // of the place, by the grid
        taps.slopes = n.b.mul(weigh(derivative(interpolation_.weights)), speed);
        return taps;
    }

    std::string inside(const std::string& t, const std::string& last) {
        const std::string after = n.b.node("GreaterOrEqual", {t, n.scalar(0)});
        return n.b.cast(n.b.node("And", {after, n.b.node("LessOrEqual", {t, last})}), n.type());
    }

    std::string row(const std::vector<double>& values) {
        return n.b.constant(Tensor::of<double>({static_cast<int64_t>(values.size())}, values).cast(n.type()));
    }

    // Horner's rule.
    std::string polynomial(const std::vector<std::vector<double>>& rows, const std::string& at, const std::string& shape) {
        std::string value = n.b.node("Expand", {row(rows.back()), shape});
        for (size_t power = rows.size() - 1; power-- > 0;) value = n.b.add(n.b.mul(value, at), row(rows[power]));
        return value;
    }

    // The taps along one axis beside those along the others: [N, places, 1, taps, 1].
    std::string beside(const std::string& t, size_t axis) {
        std::vector<int64_t> others;
        for (size_t other = 0; other < axes_; ++other)
            if (other != axis) others.push_back(static_cast<int64_t>(other) + 2);
        return n.b.node("Unsqueeze", {t, n.b.ints(others)});
    }

    // Weights of all taps; along `sloped` their slopes.
    std::string weights(size_t sloped = SIZE_MAX) {
        std::string product;
        for (size_t axis = 0; axis < axes_; ++axis) {
            const std::string own = beside(axis == sloped ? taps_[axis].slopes : taps_[axis].weights, axis);
            product = axis == 0 ? own : n.b.mul(product, own);
        }
        return product;
    }

    // Where each tap of each place is in a channel of x: [N, C, places taps].
    std::string positions() {
        std::string index;
        for (size_t axis = 0; axis < axes_; ++axis) {
            const auto spatial = static_cast<int64_t>(axis) + 2;
            const std::string own = beside(taps_[axis].positions, axis);
            index = axis == 0 ? own : n.b.add(n.b.mul(index, n.b.shape(n.x(), spatial, spatial + 1)), own);
        }
        const std::string flat = n.b.node("Reshape", {index, n.b.ints({0, 1, -1})});
        return n.b.node("Expand", {flat, n.b.concat({n.b.ints({1}), n.b.shape(n.x(), 1, 2), n.b.ints({1})}, 0)});
    }

    // [N, 1, places, taps]
    std::string flat(const std::string& t) { return n.b.node("Reshape", {t, n.b.ints({0, 1, -1, all_taps()})}); }
    [[nodiscard]] int64_t all_taps() const {
        int64_t all = 1;
        for (size_t axis = 0; axis < axes_; ++axis) all *= static_cast<int64_t>(interpolation_.taps());
        return all;
    }

    Backward& n;
    size_t axes_;
    Interpolation interpolation_;
    bool corners_;
    std::string padding_;
    std::vector<Taps> taps_;
    std::string line_, d_, positions_;  ///< [N, C, elements of x], [N, C, places, 1], [N, C, places taps]
};

void grid_sample(Backward& n) {
    if (n.deep_lift() && n.notes.options.reference->differs(n.x(1))) n.refuse("its grid follows the model's input");
    // The nearest element is the same for every place near by: the grid gets nothing.
    const bool grid = n.wants(1) && n.node.text("mode", "linear") != "nearest";
    if (!n.wants(0) && !grid) return;
    Sampler sampler(n);
    if (n.wants(0)) sampler.give_x();
    if (grid) sampler.give_grid();
}

}  // namespace

std::vector<RuleRow> grid_sample_rules() {
    using enum Change;
    return {{"GridSample", grid_sample, linear}};
}

}  // namespace whence::graph
