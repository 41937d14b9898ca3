#include "whence/training/network.h"

#include <fmt/format.h>

#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence::training {
namespace {

using graph::Graph;

constexpr uint32_t weight_stream = 0x7E16;
constexpr int64_t kernel = 3, stride = 2, padding = 1;

// Layers one after another, whose tensors have the names that explanations show.
class Layers {
  public:
    Layers(Graph& graph, uint64_t seed) : graph_(graph), seed_(seed) {}

    std::string node(const std::string& op, std::vector<std::string> inputs, const std::string& output,
                     std::map<std::string, graph::Attribute> attributes = {}) {
        graph_.nodes.push_back(
            {.op = op, .name = output, .inputs = std::move(inputs), .outputs = {output}, .attributes = std::move(attributes)});
        return output;
    }

    std::string linear(const std::string& input, const std::string& layer, int64_t in, int64_t out, const std::string& output) {
        return node("Gemm", {input, weights(layer + ".weight", {out, in}, in), weights(layer + ".bias", {out}, in)}, output,
                    {{"transB", int64_t{1}}});
    }

    std::string convolution(const std::string& input, const std::string& layer, int64_t in, int64_t out) {
        const int64_t reached = in * kernel * kernel;
        return node("Conv",
                    {input, weights(layer + ".weight", {out, in, kernel, kernel}, reached),
                     weights(layer + ".bias", {out}, reached)},
                    layer,
                    {{"kernel_shape", std::vector<int64_t>(2, kernel)},
                     {"strides", std::vector<int64_t>(2, stride)},
                     {"pads", std::vector<int64_t>(4, padding)}});
    }

  private:
    // Uniform in (-b, b) with b = 1 / sqrt(reached), `reached` the inputs of one neuron.
    std::string weights(const std::string& name, const Shape& shape, int64_t reached) {
        Tensor values(ElementType::float32, shape);
        const double bound = 1 / std::sqrt(static_cast<double>(reached));
        Rng rng(seed_, weight_stream, graph_.initializers.size());
        for (float& value : values.as<float>()) value = static_cast<float>((2 * rng.uniform() - 1) * bound);
        graph_.initializers[name] = std::make_shared<const Tensor>(std::move(values));
        return name;
    }

    Graph& graph_;
    uint64_t seed_;
};

int64_t halved(int64_t length) { return (length + 2 * padding - kernel) / stride + 1; }

// Up to the last layer: a matrix, and how many columns it has.
struct Features {
    std::string tensor;
    int64_t count;
};

Features dense(Layers& layers, const data::LabelledImages& images, const Options& options) {
    const std::string flat = layers.node("Flatten", {pixels_input}, "flat");
    const std::string sums = layers.linear(flat, "hidden", images.image_size(), options.hidden, "hidden");
    return {layers.node("Relu", {sums}, "hidden.relu"), options.hidden};
}

Features cnn(Layers& layers, const data::LabelledImages& images) {
    constexpr int64_t narrow = 16, wide = 32;
    const std::string first = layers.node("Transpose", {pixels_input}, "channels_first", {{"perm", std::vector<int64_t>{0, 3, 1, 2}}});
    const std::string one = layers.node("Relu", {layers.convolution(first, "conv1", images.channels, narrow)}, "conv1.relu");
    const std::string two = layers.node("Relu", {layers.convolution(one, "conv2", narrow, wide)}, "conv2.relu");
    return {layers.node("Flatten", {two}, "flat"), wide * halved(halved(images.height)) * halved(halved(images.width))};
}

void check(const data::LabelledImages& images, const Options& options) {
    const auto within = [](const char* option, int64_t value, int64_t most) {
        if (value < 1 || value > most)
            throw Error(ErrorKind::usage, fmt::format("{} must be from 1 to {}, not {}", option, most, value));
    };
    within("hidden", options.hidden, 65'536);
    within("epochs", options.epochs, 10'000);
    within("batch", options.batch, 65'536);
    if (!(options.learning_rate > 0) || !std::isfinite(options.learning_rate))
        throw Error(ErrorKind::usage, fmt::format("learning_rate must be above 0, not {}", options.learning_rate));
    if (images.classes.empty() || images.image_size() < 1)
        throw Error(ErrorKind::input, "there is nothing to train on: pictures without pixels, or no classes");
    if (options.architecture == Architecture::cnn && std::min(images.height, images.width) < kernel)
        throw Error(ErrorKind::input, fmt::format("pictures of {}x{} pixels are too small for the cnn, which needs 3x3",
                                                  images.height, images.width));
}

}  // namespace

Graph network(const data::LabelledImages& images, const Options& options, uint64_t seed) {
    check(images, options);
    const auto classes = static_cast<int64_t>(images.classes.size());
    const graph::Dimension any{-1, "N"};
    Graph graph;
    graph.name = name(options.architecture);
    graph.opsets[""] = 18;
    graph.inputs.push_back({.name = pixels_input,
                            .type = ElementType::float32,
                            .shape = {{any, {images.height}, {images.width}, {images.channels}}}});
    Layers layers(graph, seed);
    const Features features = options.architecture == Architecture::dense ? dense(layers, images, options) : cnn(layers, images);
    const std::string logits = layers.linear(features.tensor, "output", features.count, classes, logits_tensor);
    layers.node("Softmax", {logits}, probabilities_output, {{"axis", int64_t{-1}}});
    graph.outputs.push_back(
        {.name = probabilities_output, .type = ElementType::float32, .shape = {{any, {classes}}}});
    graph::verify(graph);
    return graph;
}

}  // namespace whence::training
