#pragma once
// Small image classifiers, trained through the gradient graph: the gradient with respect to the weights
// comes from the same reverse sweep as the gradient with respect to the input.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "whence/core/run.h"
#include "whence/data/labelled_images.h"
#include "whence/graph/graph.h"
#include "whence/runtime/onnx_model.h"

namespace whence::training {

enum class Architecture {
    dense,  ///< pixels, `hidden` ReLU neurons, classes
    cnn,    ///< two 3x3 convolutions of stride 2 (16 and 32 channels) with ReLU, then classes
};
/// "dense", "cnn".
[[nodiscard]] std::string_view name(Architecture architecture);
/// Throws Error(usage) naming the two.
[[nodiscard]] Architecture architecture_of(std::string_view name);

struct Options {
    Architecture architecture = Architecture::dense;
    int64_t hidden = 50;           ///< dense: neurons of the hidden layer, 1 to 65536
    int64_t epochs = 5;            ///< passes over the training rows, 1 to 10000
    int64_t batch = 64;            ///< pictures per step, 1 to 65536; the last of an epoch may have fewer
    double learning_rate = 0.001;  ///< of Adam, above 0
};

/// A network as it is between two steps of its training. A value: copies share the weights, which never
/// change.
class ModelState {
  public:
    explicit ModelState(graph::Graph graph) : graph_(std::move(graph)) {}

    /// Input "pixels": float32 [N, height, width, channels] in [0, 1]. Output "probabilities":
    /// [N, classes], the softmax of the tensor "logits". Weights are its initializers.
    [[nodiscard]] const graph::Graph& graph() const { return graph_; }
    /// The same as an ONNX file.
    [[nodiscard]] std::string onnx() const;
    /// Ready to be asked and explained. `options` as for any ONNX model.
    [[nodiscard]] OnnxModel model(const OnnxModelOptions& options = {}) const;

  private:
    graph::Graph graph_;
};

/// The network before its first step. Weights and biases are uniform in (-b, b), b = 1 / sqrt(inputs of
/// the neuron): PyTorch's default (kaiming_uniform of He et al. 2015 with a = sqrt(5)), with Whence's
/// random numbers. Throws Error(usage) for options out of range, Error(input) for a set without classes
/// or (cnn) pictures below 3x3 pixels.
[[nodiscard]] ModelState initial(const data::LabelledImages& images, const Options& options, uint64_t seed);

struct Epoch {
    int64_t number = 0;  ///< from 1
    double loss = 0;     ///< cross-entropy in nats, the mean over the epoch's pictures as they were met
    ModelState state;    ///< after its last step
};
/// Told after each epoch, from the thread that called train.
using OnEpoch = std::function<void(const Epoch&)>;

/// Trains on the pictures of these numbers: cross-entropy, Adam (Kingma, Ba 2015, algorithm 1, with
/// PyTorch's defaults beta 0.9 and 0.999, epsilon 1e-8), each epoch in an order of its own. Returns the
/// state after the last epoch.
///
/// run.seed decides initial weights and orders. Uses one thread, whatever run.threads says: trainings
/// run side by side instead, and the same seed gives the same bits. Progress is in pictures. Throws as
/// initial; Error(usage) for rows that are none or not there; as `run` demands.
ModelState train(const data::LabelledImages& images, std::span<const int64_t> rows, const Options& options,
                 const Run& run, const OnEpoch& on_epoch = {});

/// The share of these pictures whose class has the model's largest score (the first of equal ones). The
/// model has one input, which takes pictures as ModelState's does, and scores as its first output. Throws
/// Error(usage) for rows that are none or not there, Error(input) for a model of another form.
[[nodiscard]] double accuracy(const Model& model, const data::LabelledImages& images, std::span<const int64_t> rows,
                              const Run& run);

}  // namespace whence::training
