#include "whence/graph/gradient/spatial.h"

#include <algorithm>

namespace whence::graph {
namespace {

std::vector<int64_t> or_ones(std::vector<int64_t> values, size_t count) {
    return values.empty() ? std::vector<int64_t>(count, 1) : values;
}

}  // namespace

bool Window::all_strides(int64_t value) const {
    return std::ranges::all_of(strides, [&](int64_t s) { return s == value; });
}
bool Window::all_dilations(int64_t value) const {
    return std::ranges::all_of(dilations, [&](int64_t s) { return s == value; });
}

Window read_window(const Backward& n, const std::vector<int64_t>& kernel) {
    Window w;
    w.kernel = n.node.has("kernel_shape") ? n.node.integers("kernel_shape") : kernel;
    w.strides = or_ones(n.node.integers("strides"), w.axes());
    w.dilations = or_ones(n.node.integers("dilations"), w.axes());
    std::vector<int64_t> pads = n.node.integers("pads");
    pads.resize(2 * w.axes(), 0);
    w.begin.assign(pads.begin(), pads.begin() + static_cast<int64_t>(w.axes()));
    w.end.assign(pads.begin() + static_cast<int64_t>(w.axes()), pads.end());
    const std::string automatic = n.node.text("auto_pad", "NOTSET");
    if (automatic != "SAME_UPPER" && automatic != "SAME_LOWER") return w;
    const auto in = spatial_lengths(n, n.x());
    if (!in) n.refuse("automatic padding of an input whose size is not known");
    for (size_t axis = 0; axis < w.axes(); ++axis) {
        const int64_t out = ((*in)[axis] + w.strides[axis] - 1) / w.strides[axis];
        const int64_t total =
            std::max<int64_t>(0, (out - 1) * w.strides[axis] + w.span(axis) - (*in)[axis]);
        const int64_t less = total / 2, more = total - less;
        w.begin[axis] = automatic == "SAME_UPPER" ? less : more;
        w.end[axis] = total - w.begin[axis];
    }
    return w;
}

std::optional<std::vector<int64_t>> spatial_lengths(const Backward& n, const std::string& tensor) {
    const Shape all = n.lengths(tensor);
    if (all.size() < 3 || std::ranges::any_of(all.begin() + 2, all.end(), [](int64_t l) { return l < 0; }))
        return std::nullopt;
    return std::vector<int64_t>(all.begin() + 2, all.end());
}

std::string scatter_windows(Backward& n, const std::string& d, const std::string& weights,
                            const Window& window, int64_t group) {
    Attributes attributes = {{"kernel_shape", window.kernel},
                             {"strides", window.strides},
                             {"dilations", window.dilations},
                             {"group", group}};
    const auto in = spatial_lengths(n, n.x()), out = spatial_lengths(n, n.y());
    if (in && out) {
        // Where the window did not reach the end, zeros are appended by output_padding.
        std::vector<int64_t> pads = window.begin, missing;
        bool fits = true;
        for (size_t axis = 0; axis < window.axes(); ++axis) {
            const int64_t full = ((*out)[axis] - 1) * window.strides[axis] + window.span(axis);
            const int64_t cut = full - window.begin[axis] - (*in)[axis];
            pads.push_back(std::max<int64_t>(0, cut));
            missing.push_back(std::max<int64_t>(0, -cut));
            fits = fits && missing.back() < window.strides[axis];
        }
        if (fits) {
            attributes["pads"] = pads;
            attributes["output_padding"] = missing;
            return n.b.node("ConvTranspose", {d, weights}, attributes);
        }
    }
    // The whole scatter, then cut or filled to the input's lengths.
    const std::string full = n.b.node("ConvTranspose", {d, weights}, attributes);
    const int64_t rank = static_cast<int64_t>(window.axes()) + 2;
    const std::string begin = n.b.neg(n.b.ints(window.begin));
    const std::string end = n.b.sub(n.b.sub(n.b.shape(n.x(), 2, rank), n.b.shape(full, 2, rank)), begin);
    const std::string none = n.b.ints({0, 0});
    return n.b.node("Pad", {full, n.b.concat({none, begin, none, end}, 0)});
}

std::vector<int64_t> joined(std::vector<int64_t> a, const std::vector<int64_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

std::string interleave(Backward& n, std::vector<std::string> parts, int64_t channels,
                       std::vector<int64_t> lengths, const std::vector<int64_t>& strides) {
    const auto with_one = [&](size_t axis) {
        std::vector<int64_t> shape = joined({-1, channels}, lengths);
        shape.insert(shape.begin() + static_cast<int64_t>(axis) + 3, 1);
        return n.b.ints(shape);
    };
    for (size_t axis = lengths.size(); axis-- > 0;) {
        const auto s = static_cast<size_t>(strides[axis]);
        std::vector<std::string> merged;
        for (size_t first = 0; first < parts.size(); first += s) {
            std::vector<std::string> group;
            for (size_t k = 0; k < s; ++k) group.push_back(n.b.reshape(parts[first + k], with_one(axis)));
            merged.push_back(n.b.concat(group, static_cast<int64_t>(axis) + 3));
        }
        lengths[axis] *= static_cast<int64_t>(s);
        for (std::string& part : merged) part = n.b.reshape(part, n.b.ints(joined({-1, channels}, lengths)));
        parts = std::move(merged);
    }
    return parts[0];
}

std::string crop_to(Backward& n, const std::string& tensor, const std::vector<int64_t>& lengths,
                    const std::vector<int64_t>& strides, const std::vector<int64_t>& in) {
    std::vector<int64_t> axes, starts;
    bool whole = true;
    for (size_t axis = 0; axis < in.size(); ++axis) {
        axes.push_back(static_cast<int64_t>(axis) + 2);
        starts.push_back(0);
        whole = whole && lengths[axis] * strides[axis] == in[axis];
    }
    if (whole) return tensor;
    return n.b.node("Slice", {tensor, n.b.ints(starts), n.b.ints(in), n.b.ints(axes)});
}

}  // namespace whence::graph
