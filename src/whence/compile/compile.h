#pragma once
// An explanation as an ONNX file: one graph of standard operators that returns the prediction and the
// attribution, and runs wherever ONNX runs, without Whence.

#include <string>

#include "whence/core/baseline.h"
#include "whence/core/target.h"
#include "whence/gradients/quadrature.h"
#include "whence/runtime/onnx_model.h"

namespace whence {

struct CompileOptions {
    /// saliency, input-x-gradient, integrated-gradients, smoothgrad, grad-cam, layer-cam.
    std::string method = "integrated-gradients";
    /// Without an index the top class of each row.
    Target target;
    /// What input-x-gradient and integrated-gradients compare with: one row of the input's shape, a
    /// constant of the file.
    Tensor baseline;
    std::string baseline_name;  ///< as the file's metadata state it
    /// Tensor whose features are explained. grad-cam and layer-cam need one; integrated gradients of a
    /// layer go from the baseline's features to the input's (baseline integrated gradients).
    std::string layer;
    int64_t steps = 50;  ///< integrated-gradients: gradients, 1 to 10000
    gradients::QuadratureRule rule = gradients::QuadratureRule::midpoint;
    int64_t samples = 25;  ///< smoothgrad: noisy copies, 1 to 1000; their noise becomes constants
    double noise = 0.15;   ///< smoothgrad: standard deviation as a share of the row's max - min
    uint64_t seed = 0;
    bool absolute = true;  ///< saliency: magnitudes
};

/// The model's graph with the outputs it has and one more, `attribution`: [N, ...] as the input (or the
/// layer) for saliency, input-x-gradient, integrated-gradients and smoothgrad; the signed map
/// [N, 1, h, w] before any ReLU for grad-cam and layer-cam. Methods that claim completeness have a
/// second output, `attribution_error`: [N], sum of the row's attributions less (f(x) - f(baseline)).
/// Any number of rows. What was compiled stands in the metadata, under "whence.method" and so on.
///
/// Integrated gradients and SmoothGrad are an ONNX Loop over the steps: memory is that of one
/// gradient. Values equal those of the method with the same fixed steps up to rounding. Throws
/// Error(usage) for options that make no sense, Error(unsupported) as gradients do.
[[nodiscard]] graph::Graph compile_explanation(const OnnxModel& model, const CompileOptions& options,
                                               const Run& run);

/// Methods that can be compiled, by name.
[[nodiscard]] const std::vector<std::string>& compilable_methods();

}  // namespace whence
