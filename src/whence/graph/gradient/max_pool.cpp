#include "whence/graph/gradient/max_pool.h"

#include <algorithm>
#include <map>

#include "whence/graph/gradient/spatial.h"

namespace whence::graph {
namespace {

// Differences are multiplied by this before a Tanh makes them 0 or 1: exact (a power of two), large
// enough for floats next to each other at 1e-10, and no overflow for values below 1e19.
constexpr double steepness = 0x1p64;
constexpr int64_t most_taps = 9;

// Zero padding changes no maximum and no gradient if nothing is below zero: where the maximum is zero
// the ReLU before lets nothing through.
bool non_negative(const Graph& graph, const std::string& tensor, int depth = 0) {
    const Node* node = graph.producer(tensor);
    if (!node || depth > 8) return false;
    if (node->is("Relu") || node->is("Sigmoid") || node->is("Softmax") || node->is("HardSigmoid")) return true;
    if (node->is("Clip") && node->has_input(1)) {
        const Tensor* low = graph.constant(node->inputs[1]);
        return low && low->size() == 1 && low->to_doubles()[0] >= 0;
    }
    if (node->is("MaxPool") || node->is("AveragePool") || node->is("Identity") || node->is("Concat"))
        return std::ranges::all_of(node->inputs, [&](const std::string& input) {
            return non_negative(graph, input, depth + 1);
        });
    return false;
}

struct Pool {
    Window window;
    int64_t channels;
    std::vector<int64_t> in, out;
};

// One weight for each channel at one tap of a window: a shift, or a pick.
std::string channel_conv(Backward& n, const Pool& p, const std::string& x, double weight,
                         const std::vector<int64_t>& kernel, const std::vector<int64_t>& tap,
                         const std::vector<int64_t>& pads, const std::vector<int64_t>& strides) {
    Tensor weights(ElementType::float64, {p.channels, 1, kernel[0], kernel[1]});
    const auto values = weights.as<double>();
    for (int64_t c = 0; c < p.channels; ++c) values[(c * kernel[0] + tap[0]) * kernel[1] + tap[1]] = weight;
    return n.b.node("Conv", {x, n.b.constant(weights.cast(n.type()))},
                    {{"kernel_shape", kernel}, {"group", p.channels}, {"pads", pads}, {"strides", strides}});
}

// Along one axis: which elements of a line of `length` a depthwise pick takes, `first`, first + stride,
// ..., `count` of them; zeros where that leaves the line.
struct Pick {
    int64_t kernel, at, begin, end;
    Pick(int64_t length, int64_t first, int64_t stride, int64_t count)
        : begin(std::max<int64_t>(0, -first)), end(std::max<int64_t>(0, first + (count - 1) * stride - (length - 1))) {
        // One tap would do if padding could be negative: zeros before and after it place the windows.
        at = std::max<int64_t>(0, first);
        kernel = std::max(at + 1, length + begin + end - count * stride + 1);
    }
};

std::string pick(Backward& n, const Pool& p, const std::string& x, double weight, const Pick& y, const Pick& x_axis,
                 const std::vector<int64_t>& strides) {
    return channel_conv(n, p, x, weight, {y.kernel, x_axis.kernel}, {y.at, x_axis.at},
                        {y.begin, x_axis.begin, y.end, x_axis.end}, strides);
}

// x at one tap of every window, times the steepness: [N, C, o0, o1]. With a stride, x is first cut into
// its phases, of which every tap is a shifted copy: reading x once for each phase, not for each tap.
struct Taps {
    Backward& n;
    const Pool& p;
    std::map<std::pair<int64_t, int64_t>, std::string> phases = {};

    std::string at(const std::vector<int64_t>& tap) {
        const std::vector<int64_t>&s = p.window.strides, first = {tap[0] - p.window.begin[0], tap[1] - p.window.begin[1]};
        if (s[0] == 1 && s[1] == 1)
            return pick(n, p, n.x(), steepness, Pick(p.in[0], first[0], 1, p.out[0]), Pick(p.in[1], first[1], 1, p.out[1]), s);
        const auto within = [&](size_t axis) { return (first[axis] % s[axis] + s[axis]) % s[axis]; };
        const auto length = [&](size_t axis) { return (p.in[axis] - within(axis) + s[axis] - 1) / s[axis]; };
        const auto shift = [&](size_t axis) { return (first[axis] - within(axis)) / s[axis]; };
        std::string& phase = phases[{within(0), within(1)}];
        if (phase.empty())
            phase = pick(n, p, n.x(), 1, Pick(p.in[0], within(0), s[0], length(0)), Pick(p.in[1], within(1), s[1], length(1)), s);
        return pick(n, p, phase, steepness, Pick(length(0), shift(0), 1, p.out[0]), Pick(length(1), shift(1), 1, p.out[1]), {1, 1});
    }
};

// Adds `part` [N, C, o0, o1], the share of one tap, to the phase of x that the tap hits.
struct Scatter {
    Backward& n;
    const Pool& p;
    std::vector<int64_t> lengths = {(p.in[0] + p.window.strides[0] - 1) / p.window.strides[0],
                                    (p.in[1] + p.window.strides[1] - 1) / p.window.strides[1]};
    std::vector<std::string> phases = std::vector<std::string>(p.window.strides[0] * p.window.strides[1]);

    void add(const std::string& part, const std::vector<int64_t>& tap, double sign) {
        std::vector<int64_t> kernel, at, begin, end;
        int64_t phase = 0;
        for (size_t axis = 0; axis < 2; ++axis) {
            const int64_t s = p.window.strides[axis], offset = tap[axis] - p.window.begin[axis];
            const int64_t within = (offset % s + s) % s, shift = (offset - within) / s;
            phase = phase * s + within;
            const int64_t after = lengths[axis] - shift - p.out[axis];
            const int64_t cut_begin = std::max<int64_t>(0, -shift), cut_end = std::max<int64_t>(0, -after);
            kernel.push_back(1 + cut_begin + cut_end);
            at.push_back(cut_begin);
            begin.push_back(std::max<int64_t>(0, shift));
            end.push_back(std::max<int64_t>(0, after));
        }
        const std::string moved =
            channel_conv(n, p, part, sign, kernel, at, {begin[0], begin[1], end[0], end[1]}, {1, 1});
        phases[phase] = phases[phase].empty() ? moved : n.b.add(moved, phases[phase]);
    }
};

}  // namespace

bool max_pool_by_taps(Backward& n) {
    const auto in = spatial_lengths(n, n.x()), out = spatial_lengths(n, n.y());
    if (!in || !out || in->size() != 2) return false;
    Pool p{.window = read_window(n, {}), .channels = n.lengths(n.x())[1], .in = *in, .out = *out};
    const Window& w = p.window;
    if (p.channels < 0 || !w.all_dilations(1) || w.kernel[0] * w.kernel[1] > most_taps) return false;
    if (w.strides[0] > w.kernel[0] || w.strides[1] > w.kernel[1]) return false;  // a phase nothing reaches
    // Windows that hang over the end (ceil_mode) read zeros there, too.
    bool padded = false;
    for (size_t axis = 0; axis < 2; ++axis)
        padded = padded || w.begin[axis] > 0 || (p.out[axis] - 1) * w.strides[axis] + w.kernel[axis] - w.begin[axis] > p.in[axis];
    // A deconvolution lets through what a ReLU was given for a maximum of zero.
    const bool masked = n.notes.options.rules != Rules::deconvolution && non_negative(n.b.graph(), n.x());
    if (padded && !masked) return false;

    const std::string top = channel_conv(n, p, n.y(), -steepness, {1, 1}, {0, 0}, {0, 0, 0, 0}, {1, 1});
    Scatter scatter{n, p};
    // What is left of d passes each tap in turn: where x is below the maximum it goes on, else it stays.
    // Tanh(x - y) is 0 or -1, so its sign alternates; the scatter turns it back.
    // Behind a ReLU its mask is put on the maxima, which are fewer, and the result goes past it: what is
    // not a maximum gets nothing anyway. Not if somebody asks for the gradient in between, or the ReLU
    // has another rule.
    const Node* before = n.b.graph().producer(n.x());
    const bool plain = n.notes.options.rules == Rules::gradient && !n.notes.wrt.count(n.x());
    const std::string past = plain && before && before->is("Relu") ? before->inputs[0] : "";
    std::string rest = past.empty() ? n.d() : n.b.mul(n.d(), n.positive(n.y()));
    Taps taps_of{n, p};
    double sign = 1;
    const int64_t taps = w.kernel[0] * w.kernel[1];
    for (int64_t t = 0; t < taps; ++t, sign = -sign) {
        const std::vector<int64_t> tap = {t / w.kernel[1], t % w.kernel[1]};
        if (t == taps - 1) {
            scatter.add(rest, tap, sign);
            break;
        }
        const std::string below = n.b.node("Tanh", {n.b.add(taps_of.at(tap), top)});
        const std::string onward = n.b.mul(rest, below);
        scatter.add(n.b.add(rest, onward), tap, sign);
        rest = onward;
    }
    const Phases phases{scatter.phases, scatter.lengths, w.strides};
    const std::string whole = interleave(n, std::move(scatter.phases), p.channels, scatter.lengths, w.strides);
    const std::string gradient = crop_to(n, whole, scatter.lengths, w.strides, p.in);
    n.notes.phases[gradient] = phases;
    if (past.empty()) n.give(0, gradient);
    else n.give_past(past, gradient);
    return true;
}

}  // namespace whence::graph
