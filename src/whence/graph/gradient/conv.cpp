// Convolutions. The gradient of x is a convolution of d with the weights turned around; which form is
// fastest depends on stride and groups (docs/decisions/0004). Every fast form needs constant weights
// and known lengths; scatter_windows (ConvTranspose) is the general one.

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include "whence/graph/gradient/spatial.h"

namespace whence::graph {
namespace {

// Channels that fill three blocks of 16 lanes: below that a convolution wastes most of its registers.
constexpr int64_t full_lanes = 48;

struct Convolution {
    const Tensor* weights;  ///< [M, C/g, k...]
    Window window;
    int64_t group;
    int64_t channels;  ///< C, of x
    int64_t outputs;   ///< M, of y
    std::vector<int64_t> in, out;
};

int64_t product(const std::vector<int64_t>& values) {
    return std::accumulate(values.begin(), values.end(), int64_t{1}, std::multiplies<>());
}

int64_t flat_index(const std::vector<int64_t>& position, const std::vector<int64_t>& lengths) {
    int64_t flat = 0;
    for (size_t axis = 0; axis < lengths.size(); ++axis) flat = flat * lengths[axis] + position[axis];
    return flat;
}

// Where weights [M, C/g, k...] go in another tensor of as many leading blocks of `taps` elements: the taps of m
// and c (within its group) to block(m, c), each to at(its position per axis) within that, -1 for none.
struct Place {
    int64_t taps = 0;
    std::function<int64_t(int64_t m, int64_t c)> block;
    std::function<int64_t(const std::vector<int64_t>& tap)> at;
};

void place_taps(const Tensor& weights, const std::vector<int64_t>& kernel, Tensor& out, const Place& place) {
    std::vector<int64_t> to, tap(kernel.size(), 0);  // `to`: the same in every block
    for (int64_t k = 0; k < product(kernel); ++k) {
        to.push_back(place.at(tap));
        for (size_t axis = kernel.size(); axis-- > 0 && ++tap[axis] == kernel[axis];) tap[axis] = 0;
    }
    const size_t size = element_size(weights.type());
    const std::byte* from = weights.data();
    for (int64_t m = 0; m < weights.shape()[0]; ++m)
        for (int64_t c = 0; c < weights.shape()[1]; ++c) {
            std::byte* block = out.data() + place.block(m, c) * place.taps * static_cast<int64_t>(size);
            for (const int64_t at : to) {
                if (at >= 0) std::memcpy(block + at * static_cast<int64_t>(size), from, size);
                from += size;
            }
        }
}

Tensor rearranged(const Tensor& weights, const std::vector<int64_t>& kernel, Shape shape, const Place& place) {
    Tensor out(weights.type(), std::move(shape));
    place_taps(weights, kernel, out, place);
    return out;
}

// Weights with inputs and outputs exchanged within each group and every axis reversed: [C, M/g, k...].
Tensor turned(const Convolution& c) {
    const std::vector<int64_t>& kernel = c.window.kernel;
    const int64_t per_out = c.outputs / c.group, per_in = c.channels / c.group, taps = product(kernel);
    Shape shape = {c.channels, per_out};
    shape.insert(shape.end(), kernel.begin(), kernel.end());
    const auto block = [&](int64_t m, int64_t ch) { return (m / per_out * per_in + ch) * per_out + m % per_out; };
    const auto mirrored = [&](const std::vector<int64_t>& tap) { return taps - 1 - flat_index(tap, kernel); };
    return rearranged(*c.weights, kernel, shape, {taps, block, mirrored});
}

// Stride 1 (of d, however it came to its lengths): one convolution with the turned weights. `length`
// is that of d per axis. Empty if a padding would be negative.
std::string turned_convolution(Backward& n, const Convolution& c, const std::string& d,
                               const std::vector<int64_t>& length) {
    std::vector<int64_t> begin, end;
    for (size_t axis = 0; axis < c.window.axes(); ++axis) {
        const int64_t span = c.window.span(axis);
        begin.push_back(span - 1 - c.window.begin[axis]);
        end.push_back(c.in[axis] - length[axis] + c.window.begin[axis]);
        if (begin.back() < 0 || end.back() < 0) return "";
    }
    return n.b.node("Conv", {d, n.b.constant(turned(c))},
                    {{"kernel_shape", c.window.kernel},
                     {"dilations", c.window.dilations},
                     {"group", c.group},
                     {"pads", joined(begin, end)}});
}

// Zeros between the elements of d, so that d has stride 1: nearest enlargement times a grid of ones.
std::string spread_by_stride(Backward& n, const std::string& d, const Convolution& c,
                             const std::vector<int64_t>& lengths) {
    std::vector<float> scales = {1, 1};
    for (const int64_t s : c.window.strides) scales.push_back(static_cast<float>(s));
    const std::string large =
        n.b.node("Resize", {d, "", n.b.constant(Tensor::of<float>({static_cast<int64_t>(scales.size())}, scales))},
                 {{"mode", std::string("nearest")},
                  {"coordinate_transformation_mode", std::string("asymmetric")},
                  {"nearest_mode", std::string("floor")}});
    Tensor grid(ElementType::float32, joined({1, 1}, lengths));
    std::vector<int64_t> position(lengths.size(), 0);
    for (float& value : grid.as<float>()) {
        bool on = true;
        for (size_t axis = 0; axis < lengths.size(); ++axis) on = on && position[axis] % c.window.strides[axis] == 0;
        value = on ? 1.0F : 0.0F;
        for (size_t axis = lengths.size(); axis-- > 0 && ++position[axis] == lengths[axis];) position[axis] = 0;
    }
    return n.b.mul(large, n.b.constant(grid.cast(n.type())));
}

std::string by_spreading(Backward& n, const Convolution& c) {
    std::vector<int64_t> lengths;
    for (size_t axis = 0; axis < c.window.axes(); ++axis) lengths.push_back(c.out[axis] * c.window.strides[axis]);
    for (size_t axis = 0; axis < c.window.axes(); ++axis)
        if (c.in[axis] - lengths[axis] + c.window.begin[axis] < 0 || c.window.span(axis) - 1 < c.window.begin[axis])
            return "";
    // A kernel of one tap may come first, on the few elements, and be spread afterwards.
    if (product(c.window.kernel) == 1 && lengths == c.in && product(c.window.begin) == 0) {
        const std::string small = n.b.node("Conv", {n.d(), n.b.constant(turned(c))},
                                           {{"kernel_shape", c.window.kernel}, {"group", c.group}});
        return spread_by_stride(n, small, c, lengths);
    }
    return turned_convolution(n, c, spread_by_stride(n, n.d(), c, lengths), lengths);
}

// Along one axis with stride s, position s m + phase of dx sums over taps k with (phase + begin - k)
// divisible by s, each at position m + (phase + begin - k) / s of d.
struct Phase {
    int64_t first_tap = 0;  ///< the smallest such k
    int64_t taps = 0;
    int64_t low = 0, high = 0;  ///< range of the offsets (phase + begin - k) / s
};

Phase phase_of(const Window& w, size_t axis, int64_t phase) {
    const int64_t s = w.strides[axis], shifted = phase + w.begin[axis];
    Phase p{.first_tap = shifted % s};
    if (p.first_tap >= w.kernel[axis]) return p;
    p.taps = (w.kernel[axis] - 1 - p.first_tap) / s + 1;
    p.high = (shifted - p.first_tap) / s;
    p.low = p.high - (p.taps - 1);
    return p;
}

// Every step-th tap of the weights [M, C, k0, k1] from `first` on.
Tensor thinned(const Tensor& weights, const std::vector<int64_t>& first, int64_t step) {
    const Shape& k = weights.shape();
    const std::vector<int64_t> kernel = {k[2], k[3]};
    const std::vector<int64_t> count = {(k[2] - first[0] + step - 1) / step, (k[3] - first[1] + step - 1) / step};
    const auto block = [&](int64_t m, int64_t ch) { return m * k[1] + ch; };
    const auto at = [&](const std::vector<int64_t>& tap) -> int64_t {
        const int64_t past[] = {tap[0] - first[0], tap[1] - first[1]};
        if (past[0] < 0 || past[1] < 0 || past[0] % step != 0 || past[1] % step != 0) return -1;
        return past[0] / step * count[1] + past[1] / step;
    };
    return rearranged(weights, kernel, {k[0], k[1], count[0], count[1]}, {product(count), block, at});
}

// A convolution with stride `step` over a gradient that was put together from as many phases: one
// convolution with stride 1 over each phase, summed, so that nothing need be put together. Tap t
// reaches position step m + low + t. Empty if d has no phases of that stride.
std::string convolve_phases(Backward& n, const Tensor& weights, const std::vector<int64_t>& low, int64_t step,
                            const std::vector<int64_t>& positions) {
    const auto found = n.notes.phases.find(n.d());
    if (step < 2 || found == n.notes.phases.end()) return "";
    const Phases phases = found->second;
    if (phases.strides != std::vector<int64_t>{step, step}) return "";
    std::vector<std::string> parts;
    for (int64_t phase = 0; phase < step * step; ++phase) {
        std::vector<int64_t> first, begin, end;
        for (size_t axis = 0; axis < 2; ++axis) {
            const int64_t within = axis == 0 ? phase / step : phase % step;
            first.push_back(((within - low[axis]) % step + step) % step);
            const int64_t taps = (weights.shape()[axis + 2] - first[axis] + step - 1) / step;
            if (taps <= 0) return "";
            const int64_t shift = (low[axis] + first[axis] - within) / step;  // of the first tap
            begin.push_back(-shift);
            end.push_back(positions[axis] - 1 + shift + taps - 1 - (phases.lengths[axis] - 1));
            if (begin.back() < 0 || end.back() < 0) return "";
        }
        parts.push_back(n.b.node("Conv", {phases.parts[phase], n.b.constant(thinned(weights, first, step))},
                                 {{"pads", joined(begin, end)}}));
    }
    std::string sum = parts[0];
    for (size_t i = 1; i < parts.size(); ++i) sum = n.b.add(parts[i], sum);
    return sum;
}

// Few channels (an image): all positions of a block of pixels as channels of one convolution, then
// DepthToSpace. Position b m + phase of dx sums over taps k with (phase + begin - k) divisible by the
// stride s, each at (b / s) m + (phase + begin - k) / s of d. Blocks larger than the stride waste some
// taps, but fill the lanes that three channels leave empty.
std::string by_depth_to_space(Backward& n, const Convolution& c) {
    const Window& w = c.window;
    const int64_t s = w.strides[0];
    int64_t block = s;
    while (c.channels * block * block < full_lanes && block * 2 <= std::min(c.in[0], c.in[1])) block *= 2;
    std::vector<int64_t> low, size, begin, end;
    for (size_t axis = 0; axis < 2; ++axis) {
        const auto floor_div = [&](int64_t v) { return v >= 0 ? v / s : -((s - 1 - v) / s); };
        low.push_back(-floor_div(w.kernel[axis] - 1 - w.begin[axis]));
        const int64_t high = floor_div(block - 1 + w.begin[axis]);
        const int64_t blocks = (c.in[axis] + block - 1) / block;
        size.push_back(high - low[axis] + 1);
        begin.push_back(-low[axis]);
        end.push_back((blocks - 1) * (block / s) + high - (c.out[axis] - 1));
        if (begin.back() < 0 || end.back() < 0) return "";
    }
    Tensor weights(c.weights->type(), {c.channels * block * block, c.outputs, size[0], size[1]});
    for (int64_t y = 0; y < block; ++y)
        for (int64_t x = 0; x < block; ++x)
            place_taps(*c.weights, w.kernel, weights,
                       {product(size), [&](int64_t m, int64_t ch) { return ((ch * block + y) * block + x) * c.outputs + m; },
                        [&](const std::vector<int64_t>& tap) -> int64_t {
                            const int64_t phase[] = {y, x};
                            std::vector<int64_t> at;
                            for (size_t axis = 0; axis < 2; ++axis) {
                                const int64_t reach = phase[axis] + w.begin[axis] - tap[axis];
                                if (reach % s != 0) return -1;
                                at.push_back(reach / s - low[axis]);
                                if (at.back() < 0 || at.back() >= size[axis]) return -1;
                            }
                            return flat_index(at, size);
                        }});
    std::string positions = convolve_phases(n, weights, low, block / s, {(c.in[0] + block - 1) / block, (c.in[1] + block - 1) / block});
    if (positions.empty())
        positions = n.b.node("Conv", {n.d(), n.b.constant(std::move(weights))},
                             {{"kernel_shape", size}, {"pads", joined(begin, end)},
                              {"strides", std::vector<int64_t>(2, block / s)}});
    std::string whole =
        n.b.node("DepthToSpace", {positions}, {{"blocksize", block}, {"mode", std::string("CRD")}});
    if (c.in[0] % block != 0 || c.in[1] % block != 0)
        whole = n.b.node("Slice", {whole, n.b.ints({0, 0}), n.b.ints(c.in), n.b.ints({2, 3})});
    return whole;
}

// One convolution with stride 1 for each phase, on the taps that reach it.
std::string phase_convolution(Backward& n, const Convolution& c, const std::vector<Phase>& phases,
                              const std::vector<int64_t>& positions) {
    std::vector<int64_t> taps, begin, end;
    for (size_t axis = 0; axis < phases.size(); ++axis) {
        taps.push_back(phases[axis].taps);
        begin.push_back(-phases[axis].low);
        end.push_back(positions[axis] - 1 + phases[axis].high - (c.out[axis] - 1));
        if (begin.back() < 0 || end.back() < 0) return "";
    }
    const auto at = [&](const std::vector<int64_t>& tap) -> int64_t {
        std::vector<int64_t> mirrored(tap.size());
        for (size_t axis = 0; axis < tap.size(); ++axis) {
            const int64_t past = tap[axis] - phases[axis].first_tap;
            if (past < 0 || past % c.window.strides[axis] != 0) return -1;
            mirrored[axis] = phases[axis].taps - 1 - past / c.window.strides[axis];
        }
        return flat_index(mirrored, taps);
    };
    Tensor weights = rearranged(*c.weights, c.window.kernel, joined({c.channels, c.outputs}, taps),
                                {product(taps), [&](int64_t m, int64_t ch) { return ch * c.outputs + m; }, at});
    return n.b.node("Conv", {n.d(), n.b.constant(std::move(weights))},
                    {{"kernel_shape", taps}, {"pads", joined(begin, end)}});
}

std::string by_phases(Backward& n, const Convolution& c) {
    const Window& w = c.window;
    std::vector<int64_t> positions, phase(w.axes(), 0);
    for (size_t axis = 0; axis < w.axes(); ++axis)
        positions.push_back((c.in[axis] + w.strides[axis] - 1) / w.strides[axis]);
    std::vector<std::string> parts;
    for (int64_t count = product(w.strides); count > 0; --count) {
        std::vector<Phase> phases;
        for (size_t axis = 0; axis < w.axes(); ++axis) {
            phases.push_back(phase_of(w, axis, phase[axis]));
            if (phases.back().taps == 0) return "";  // a phase nothing reaches: spreading does that
        }
        parts.push_back(phase_convolution(n, c, phases, positions));
        if (parts.back().empty()) return "";
        for (size_t axis = w.axes(); axis-- > 0 && ++phase[axis] == w.strides[axis];) phase[axis] = 0;
    }
    std::string whole = interleave(n, std::move(parts), c.channels, positions, w.strides);
    return crop_to(n, whole, positions, w.strides, c.in);
}

// The fastest form that fits; empty if none does.
std::string fast_form(Backward& n, const Convolution& c) {
    const Window& w = c.window;
    const bool square = w.axes() == 2 && w.strides[0] == w.strides[1];
    if (c.group == 1 && c.channels <= 4 && square && w.all_dilations(1))
        if (std::string form = by_depth_to_space(n, c); !form.empty()) return form;
    if (w.all_strides(1)) return turned_convolution(n, c, n.d(), c.out);
    if (!w.all_dilations(1)) return "";
    if (c.group == 1 && product(w.kernel) > 1 && product(w.strides) <= 16)
        if (std::string form = by_phases(n, c); !form.empty()) return form;
    return by_spreading(n, c);
}

// What no window reaches at the end of x would look like further taps: padding that can be left away is,
// the rest must be cut off the result.
struct Reach {
    std::vector<int64_t> end;  ///< padding after x
    bool whole = true;         ///< nothing is left to cut off
};

Reach reach_of(const Window& w, const Shape& lengths) {
    Reach reach{.end = w.end};
    for (size_t axis = 0; axis < w.axes(); ++axis) {
        const int64_t in = axis + 2 < lengths.size() ? lengths[axis + 2] : -1;
        const int64_t unread = in < 0 ? w.strides[axis] - 1 : (in + w.begin[axis] + w.end[axis] - w.span(axis)) % w.strides[axis];
        if (in >= 0) reach.end[axis] -= std::min(unread, w.end[axis]);
        reach.whole = reach.whole && (in < 0 ? unread == 0 : unread <= w.end[axis]);
    }
    return reach;
}

// The same as one product for all rows and positions: d^T times the patches [N o0 o1, k0 k1 C] of x with its
// channels last. A patch is gathered C numbers at a time, so few channels are left to the convolution. Empty
// where it does not fit.
std::string weight_gradient_by_patches(Backward& n, const std::string& x, const std::string& d, const Window& w) {
    constexpr int64_t enough_channels = 8, most_places = 1 << 16;
    const Shape in = n.lengths(x), weights = n.lengths(n.x(1));
    if (in.size() != 4 || in[1] < enough_channels || in[2] < 0 || in[3] < 0 || weights.empty() || weights[0] < 0) return "";
    std::vector<int64_t> padded, out;
    for (size_t axis = 0; axis < 2; ++axis) {
        padded.push_back(in[axis + 2] + w.begin[axis] + w.end[axis]);
        out.push_back((padded[axis] - w.span(axis)) / w.strides[axis] + 1);
    }
    if (product(out) * product(w.kernel) > most_places) return "";
    std::vector<int64_t> places;
    for (int64_t y = 0; y < out[0]; ++y)
        for (int64_t at = 0; at < out[1]; ++at)
            for (int64_t tap = 0; tap < product(w.kernel); ++tap)
                places.push_back((y * w.strides[0] + tap / w.kernel[1] * w.dilations[0]) * padded[1] +
                                 at * w.strides[1] + tap % w.kernel[1] * w.dilations[1]);
    const std::string last = n.b.transpose(x, {0, 2, 3, 1});
    const std::string framed = n.b.node("Pad", {last, n.b.ints({0, w.begin[0], w.begin[1], 0, 0, w.end[0], w.end[1], 0})});
    const std::string rows = n.b.reshape(framed, n.b.ints({-1, product(padded), in[1]}));
    const std::string gathered = n.b.node("Gather", {rows, n.b.ints(places)}, {{"axis", int64_t{1}}});
    const std::string patches = n.b.reshape(gathered, n.b.ints({-1, product(w.kernel) * in[1]}));
    const std::string slopes = n.b.reshape(n.b.transpose(d, {0, 2, 3, 1}), n.b.ints({-1, weights[0]}));
    const std::string sums = n.b.node("Gemm", {slopes, patches}, {{"transA", int64_t{1}}});
    return n.b.transpose(n.b.reshape(sums, n.b.ints({weights[0], w.kernel[0], w.kernel[1], in[1]})), {0, 3, 1, 2});
}

// The gradient of the weights of a window that slides over x: dW[m, c, k] sums d[n, m, o] x[n, c, o s + k e]
// over rows n and positions o, for stride s and dilation e. That is a convolution of x with d where rows
// and channels, stride and dilation have changed places. Groups stay groups: [C/g, g N, ...] over [M, N, ...].
std::string weight_gradient(Backward& n, const std::string& x, const std::string& d, const Window& w, int64_t group) {
    if (group == 1)
        if (std::string form = weight_gradient_by_patches(n, x, d, w); !form.empty()) return form;
    const int64_t rank = static_cast<int64_t>(w.axes()) + 2;
    std::vector<int64_t> exchanged(rank), outer(rank + 1), spatial(w.axes());
    std::iota(exchanged.begin(), exchanged.end(), 0);
    std::iota(outer.begin(), outer.end(), 0);
    std::iota(spatial.begin(), spatial.end(), 2);
    std::swap(exchanged[0], exchanged[1]);
    std::swap(outer[0], outer[1]);
    std::string rows = n.b.transpose(x, exchanged);
    if (group > 1) {
        const std::string parts = n.b.reshape(rows, n.b.concat({n.b.ints({group, -1}), n.b.shape(rows, 1, rank)}, 0));
        const std::string shape = n.b.concat({n.b.ints({0, -1}), n.b.shape(x, 2, rank)}, 0);
        rows = n.b.node("Reshape", {n.b.transpose(parts, outer), shape});
    }
    const Reach reach = reach_of(w, n.lengths(x));
    std::string taps = n.b.node("Conv", {rows, n.b.transpose(d, exchanged)},
                                {{"strides", w.dilations},
                                 {"dilations", w.strides},
                                 {"group", group},
                                 {"pads", joined(w.begin, reach.end)}});
    if (!reach.whole)
        taps = n.b.node("Slice", {taps, n.b.ints(std::vector<int64_t>(w.axes(), 0)), n.b.shape(n.x(1), 2, rank), n.b.ints(spatial)});
    return n.b.transpose(taps, exchanged);
}

std::string bias_gradient(Backward& n) {
    std::vector<int64_t> axes = {0};
    for (int64_t axis = 2; axis < n.rank(n.y()); ++axis) axes.push_back(axis);
    return n.b.reduce_sum(n.d(), axes, false);
}

// The window that the weights are; their lengths may be stated by the node alone.
Window window_of(Backward& n) {
    const Shape shape = n.lengths(n.x(1));
    if (shape.size() < 3) n.refuse("the shape of its weights is not known");
    Window window = read_window(n, {shape.begin() + 2, shape.end()});
    if (std::ranges::any_of(window.kernel, [](int64_t k) { return k < 0; })) n.refuse("the shape of its weights is not known");
    return window;
}

void conv(Backward& n) {
    if (n.wants(2)) n.give(2, bias_gradient(n));
    if (!n.wants(0) && !n.wants(1)) return;
    const Window window = window_of(n);
    const int64_t group = n.node.integer("group", 1);
    if (n.wants(1)) n.give(1, weight_gradient(n, n.x(), n.d(), window, group));
    if (!n.wants(0)) return;
    const Tensor* weights = n.b.graph().constant(n.x(1));
    const auto in = spatial_lengths(n, n.x()), out = spatial_lengths(n, n.y());
    std::string gradient;
    if (weights && in && out) {
        const Shape shape = weights->shape();
        const Convolution c{.weights = weights, .window = window, .group = group,
                            .channels = shape[1] * group, .outputs = shape[0], .in = *in, .out = *out};
        gradient = fast_form(n, c);
    }
    n.give(0, gradient.empty() ? scatter_windows(n, n.d(), n.x(1), window, group) : gradient);
}

// y = ConvTranspose(x): its adjoint is the plain convolution with the same weights, so d has the part of x
// in the gradient of the weights, and x that of d.
void conv_transpose(Backward& n) {
    if (n.wants(2)) n.give(2, bias_gradient(n));
    if (!n.wants(0) && !n.wants(1)) return;
    Window w = window_of(n);
    const int64_t group = n.node.integer("group", 1);
    const bool automatic = n.node.has("output_shape") || n.node.text("auto_pad", "NOTSET").starts_with("SAME");
    if (automatic) {
        // The padding follows from the lengths: what the full scatter has too much.
        const auto in = spatial_lengths(n, n.x()), out = spatial_lengths(n, n.y());
        if (!in || !out) n.refuse("automatic padding of an input whose size is not known");
        const std::vector<int64_t> extra = n.node.integers("output_padding");
        for (size_t axis = 0; axis < w.axes(); ++axis) {
            const int64_t full = w.strides[axis] * ((*in)[axis] - 1) + w.span(axis) +
                                 (extra.empty() ? 0 : extra[axis]);
            const int64_t total = std::max<int64_t>(0, full - (*out)[axis]);
            const bool upper = n.node.text("auto_pad", "NOTSET") == "SAME_UPPER";
            w.begin[axis] = upper ? total / 2 : total - total / 2;
            w.end[axis] = total - w.begin[axis];
        }
    }
    if (n.wants(1)) n.give(1, weight_gradient(n, n.d(), n.x(), w, group));
    if (!n.wants(0)) return;
    n.give(0, n.b.node("Conv", {n.d(), n.x(1)},
                       {{"kernel_shape", w.kernel},
                        {"strides", w.strides},
                        {"dilations", w.dilations},
                        {"group", group},
                        {"pads", joined(w.begin, w.end)}}));
}

}  // namespace

std::vector<RuleRow> conv_rules() {
    using enum Change;
    return {{"Conv", conv, bilinear}, {"ConvTranspose", conv_transpose, bilinear}};
}

}  // namespace whence::graph
