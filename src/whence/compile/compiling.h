#pragma once
// A file in the making: the model's graph, and what every compiled method does with it. Private to
// this folder.

#include <string>
#include <vector>

#include "whence/compile/compile.h"
#include "whence/graph/builder.h"

namespace whence::compile {

/// The model's first input of floating-point numbers. Throws Error(unsupported) if it has none.
[[nodiscard]] const TensorInfo& explained_input(const OnnxModel& model);

// The forward graph with the gradient beside it, and the tensors that the methods read.
struct Compiling {
    const OnnxModel& model;
    const CompileOptions& options;
    const Run& run;
    GradientRequest request;  ///< the target; nothing wanted yet
    graph::Graph graph = {};         ///< what becomes the file
    std::string x = {};       ///< explained tensor: the input, or the layer
    std::string gradient = {};  ///< of the target with respect to x, where asked for
    std::string index = {}, minus = {}, target = {};
    Tensor features_of_baseline = {};

    void build(bool with_gradient);
    [[nodiscard]] graph::Builder builder() { return graph::Builder(graph); }
    [[nodiscard]] ElementType type() const { return graph.value(x).type.value_or(ElementType::float32); }
    [[nodiscard]] std::string constant(const Tensor& value) { return builder().constant(value.cast(type())); }
    [[nodiscard]] std::string baseline() { return constant(features_of_baseline); }
    [[nodiscard]] std::string loop(const std::string& start, const std::string& direction,
                                   const Tensor& at, const std::vector<double>& weights);
    /// `error` "": none. `map`: channels were summed.
    void finish(const std::string& attribution, const std::string& error, bool map = false);
};

}  // namespace whence::compile
