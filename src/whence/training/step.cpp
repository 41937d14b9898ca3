#include "whence/training/step.h"

#include <algorithm>

#include "whence/graph/builder.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/passes/passes.h"
#include "whence/runtime/annotate.h"
#include "whence/training/network.h"

namespace whence::training {
namespace {

using graph::Graph;

constexpr const char* targets_input = "targets";
constexpr const char* share_input = "share";

}  // namespace

Graph training_graph(const Graph& network, const Run& run) {
    Graph graph = network;
    graph.outputs = {{.name = logits_tensor}};
    std::vector<std::string> names;
    for (const auto& [name, weights] : network.initializers) names.push_back(name);
    graph::lift_constants(graph, names);
    graph::remove_unused(graph);
    runtime::annotate(graph, run);
    graph::ValueInfo targets = graph.value(logits_tensor);
    targets.name = targets_input;
    const graph::ValueInfo share{.name = share_input, .type = ElementType::float32, .shape = std::vector<graph::Dimension>{}};
    graph.inputs.insert(graph.inputs.begin() + 1, {std::move(targets), share});

    // d loss / d logits of cross-entropy after softmax is the probabilities less the targets.
    graph::Builder b(graph);
    const std::string log_probabilities = b.node("LogSoftmax", {logits_tensor}, {{"axis", int64_t{-1}}});
    const std::string seed = b.mul(b.sub(b.node("Exp", {log_probabilities}), targets_input), share_input);
    const std::vector<std::string> gradients = graph::add_gradients(graph, logits_tensor, seed, names);
    graph.outputs = {{.name = log_probabilities}};
    for (const std::string& gradient : gradients) graph.outputs.push_back({.name = gradient});
    graph::sort_nodes(graph);
    graph::verify(graph);
    return graph;
}

Trainee::Trainee(const Graph& network, const Options& options, const Run& run) : network_(network) {
    session_ = std::make_unique<runtime::Session>(training_graph(network, run), runtime::SessionOptions{.threads = 1});
    for (const auto& [name, values] : network.initializers)
        weights_.push_back({.name = name,
                            .values = *values,
                            .gradient = Tensor(values->type(), values->shape()),
                            .adam = Adam(values->size(), options.learning_rate)});
}

Trainee::Buffers& Trainee::buffers_for(const data::LabelledImages& images, int64_t pictures) {
    const auto known = std::ranges::find_if(buffers_, [&](const Buffers& b) { return b.pixels.rows() == pictures; });
    if (known != buffers_.end()) return *known;
    const Shape scores = {pictures, static_cast<int64_t>(images.classes.size())};
    buffers_.push_back({.pixels = Tensor(ElementType::float32, {pictures, images.height, images.width, images.channels}),
                        .targets = Tensor(ElementType::float32, scores),
                        .log_probabilities = Tensor(ElementType::float32, scores)});
    return buffers_.back();
}

double Trainee::step(const data::LabelledImages& images, std::span<const int64_t> numbers, const Run& run) {
    const auto pictures = static_cast<int64_t>(numbers.size());
    Buffers& at = buffers_for(images, pictures);
    images.copy_rows(numbers, at.pixels.as<float>());
    const auto targets = at.targets.as<float>();
    const int64_t classes = at.targets.row_size();
    std::ranges::fill(targets, 0.0F);
    for (int64_t i = 0; i < pictures; ++i) targets[i * classes + images.labels[numbers[i]]] = 1;
    const Tensor share = Tensor::of<float>({}, std::vector<float>{1.0F / static_cast<float>(pictures)});

    std::vector<const Tensor*> inputs = {&at.pixels, &at.targets, &share};
    std::vector<Tensor*> outputs = {&at.log_probabilities};
    for (Weights& weights : weights_) {
        inputs.push_back(&weights.values);
        outputs.push_back(&weights.gradient);
    }
    session_->run_into(inputs, outputs, run);
    for (Weights& weights : weights_) weights.adam.step(weights.values.as<float>(), weights.gradient.as<float>());

    double loss = 0;
    const auto log_probabilities = at.log_probabilities.as<float>();
    for (int64_t i = 0; i < pictures; ++i) loss -= log_probabilities[i * classes + images.labels[numbers[i]]];
    return loss;
}

Graph Trainee::network() const {
    Graph now = network_;
    for (const Weights& weights : weights_) now.initializers[weights.name] = std::make_shared<const Tensor>(weights.values);
    return now;
}

}  // namespace whence::training
