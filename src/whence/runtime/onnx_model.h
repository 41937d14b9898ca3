#pragma once
// An ONNX file as a model: predictions, and gradients of any output with respect to any tensor.

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "whence/core/model.h"
#include "whence/graph/graph.h"
#include "whence/graph/passes/passes.h"

namespace whence {

/// How pixels reach an image model: a transform put in front of its graph, and the size it reads.
struct PixelInput {
    graph::PixelTransform transform;
    int64_t height = 0, width = 0;
};

struct OnnxModelOptions {
    int threads = 0;  ///< 0: the pool that models share; 1: the caller's thread; n: its own pool
    std::optional<PixelInput> pixels;  ///< the model then reads pixels [N, H, W, C] in [0, 1]
    Run run;  ///< stop token and deadline of the trial runs that loading makes
};

/// A tensor that some node makes: what a layer is called by.
struct LayerInfo {
    std::string name, op;
    std::optional<ElementType> type;
    std::optional<Shape> shape;  ///< none: not even the rank is known
};

/// Whether one output can be differentiated with respect to one input.
struct Differentiability {
    std::string output, input;
    bool connected = true;              ///< false: nothing differentiable leads from input to output
    std::vector<std::string> missing;   ///< operators without a gradient rule on the way
};

/// The gradients of a request, and the Hessian's products with directions.
struct SecondGradient {
    GradientResult first;
    std::vector<Tensor> products;  ///< for each tensor of the request's gradients, same shape
};

class OnnxModel : public DifferentiableModel {
 public:
    /// Throws Error(io), Error(model) or Error(limit) with one line naming the file and the reason.
    static OnnxModel load(const std::filesystem::path& path, const OnnxModelOptions& options = {});
    /// From bytes in memory; external data are looked for in `folder`.
    static OnnxModel parse(std::span<const std::byte> bytes, const std::filesystem::path& folder = {},
                           const OnnxModelOptions& options = {});
    /// From a graph, as graph::parse_model reads it or another model holds it. `sha256`: what the model
    /// is known by.
    static OnnxModel of(graph::Graph graph, std::string sha256, const OnnxModelOptions& options = {});
    OnnxModel(OnnxModel&&) noexcept;
    OnnxModel& operator=(OnnxModel&&) noexcept;
    ~OnnxModel() override;

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override;
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override;
    /// float64 given where float32 is read (or the other way round) is converted.
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override;
    [[nodiscard]] GradientResult run(const Batch& inputs, const GradientRequest& request,
                                     const Run& run) const override;
    /// Also H v: for f the target and z the tensors of request.gradients, the gradient of the sum of
    /// directions[i] * df/dz[i] with respect to each z[j] (Pearlmutter 1994, by differentiating the
    /// gradient graph again). `directions` has a tensor for each, in order, of its shape. Zero for
    /// piecewise linear networks. At a ReduceProd over zeros too little: its rule sets them apart.
    /// The request's rules must be `gradient`. Errors as for run.
    [[nodiscard]] SecondGradient second_gradient(const Batch& inputs, const GradientRequest& request,
                                                 const std::vector<Tensor>& directions, const Run& run) const;
    /// The parts of the last few layers asked for are kept: asking again costs nothing.
    [[nodiscard]] Split split(const std::string& layer) const override;
    [[nodiscard]] int concurrency() const override;
    [[nodiscard]] int64_t preferred_batch() const override;

    /// The same model with another graph of the same inputs and outputs (weights drawn anew, an input
    /// shifted: see graph/randomise.h, graph::shift_input). Its sessions are made when first needed.
    [[nodiscard]] std::shared_ptr<const OnnxModel> with_graph(graph::Graph graph) const;

    /// The same model with other values, of their types and shapes, of some of its constants (weights drawn
    /// anew: graph::RandomisedWeights). Models with other values of the same constants share sessions that read
    /// them as inputs: each costs next to nothing but its run. Sessions of its own, made when first needed, have
    /// what they are worth it for: parts cut at a layer; deep_lift, which would compare weights with a
    /// reference; calls of more than 16 rows to a convolutional network, the constant weights of which ONNX
    /// Runtime lays out in blocks (a third faster); and what cannot be built otherwise: see apart_because. Answers are those of
    /// with_graph up to rounding. Throws Error(usage) for a constant that does not exist, or another type or shape.
    [[nodiscard]] std::shared_ptr<const OnnxModel> with_constants(const graph::Constants& values) const;
    /// Of a model made by with_constants: why something it was asked needed a session of its own although it
    /// might have been shared; empty: nothing did.
    [[nodiscard]] std::string apart_because() const;

    /// SHA-256 of the file.
    [[nodiscard]] const std::string& sha256() const;
    /// The graph as it runs: constants folded, batch freed, pixels in front.
    [[nodiscard]] const graph::Graph& graph() const;
    /// The graph that gradients are made from, where run() looks tensors up: opset 18 or newer, bodies and
    /// operators without a rule of their own written out, types and shapes annotated.
    [[nodiscard]] const graph::Graph& differentiable_graph() const;
    /// Class names that the file itself holds (ZipMap); empty if none.
    [[nodiscard]] const std::vector<std::string>& class_labels() const;
    /// Rows that one run of the file takes: 0 any number, 1 one by one.
    [[nodiscard]] int64_t fixed_batch() const;
    /// What happened to the batch dimension, in words; empty if the file left it free.
    [[nodiscard]] const std::string& batch_note() const;
    /// How the model as it runs differs from the file, in words that an explanation should carry.
    [[nodiscard]] const std::vector<std::string>& notes() const;
    /// For every output with respect to every input.
    [[nodiscard]] std::vector<Differentiability> differentiability() const;
    /// Every tensor in the order in which it is made, the inputs left out.
    [[nodiscard]] std::vector<LayerInfo> layers() const;
    /// The graph of the request as a model of its own: forward and backward in one ONNX file.
    [[nodiscard]] graph::Graph gradient_graph(const GradientRequest& request) const;

 private:
    struct State;
    explicit OnnxModel(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;  ///< of a part of a model: shared by all who asked for it
};

}  // namespace whence
