#pragma once
// Windows that slide over the spatial axes: what convolutions and pools share.

#include <optional>

#include "whence/graph/gradient/rules.h"

namespace whence::graph {

/// A window with every default filled in. Vectors have one entry for each spatial axis.
struct Window {
    std::vector<int64_t> kernel, strides, dilations, begin, end;  ///< begin, end: padding
    [[nodiscard]] size_t axes() const { return kernel.size(); }
    /// Positions the dilated kernel spans along an axis.
    [[nodiscard]] int64_t span(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
    [[nodiscard]] bool all_strides(int64_t value) const;
    [[nodiscard]] bool all_dilations(int64_t value) const;
};

/// Reads kernel_shape, strides, dilations, pads and auto_pad. `kernel` is used where the node does
/// not state it; auto_pad SAME needs the input's lengths.
[[nodiscard]] Window read_window(const Backward& n, const std::vector<int64_t>& kernel);

/// Lengths of the spatial axes (2, 3, ...) of a tensor; none unless all are known.
[[nodiscard]] std::optional<std::vector<int64_t>> spatial_lengths(const Backward& n,
                                                                  const std::string& tensor);

/// Adjoint of sliding `weights` [M, C/g, k...] over x: scatters d [N, M, o...] back to the lengths of
/// x. Works for every stride, dilation and group, and for lengths only the run knows.
[[nodiscard]] std::string scatter_windows(Backward& n, const std::string& d, const std::string& weights,
                                          const Window& window, int64_t group);

/// Puts phases back together: parts[phase] of [N, channels, L0, L1, ...] become
/// [N, channels, s0 L0, s1 L1, ...], phases in row-major order of the strides. Nested Concats: faster
/// than DepthToSpace or a Transpose of six axes.
[[nodiscard]] std::string interleave(Backward& n, std::vector<std::string> parts, int64_t channels,
                                     std::vector<int64_t> lengths, const std::vector<int64_t>& strides);

/// The first in[axis] positions of a tensor of lengths[axis] * strides[axis].
[[nodiscard]] std::string crop_to(Backward& n, const std::string& tensor, const std::vector<int64_t>& lengths,
                                  const std::vector<int64_t>& strides, const std::vector<int64_t>& in);

[[nodiscard]] std::vector<int64_t> joined(std::vector<int64_t> a, const std::vector<int64_t>& b);

}  // namespace whence::graph
