#include "whence/compile/compiling.h"

#include <algorithm>

#include "whence/compile/gradient_loop.h"
#include "whence/core/error.h"
#include "whence/runtime/gradient_graph.h"

namespace whence::compile {

using graph::Graph;

namespace {

bool is_float(ElementType type) {
    return type == ElementType::float32 || type == ElementType::float64;
}

}  // namespace

const TensorInfo& explained_input(const OnnxModel& model) {
    for (const TensorInfo& input : model.inputs())
        if (is_float(input.type)) return input;
    throw Error(ErrorKind::unsupported, "no input is of float32 or float64, so there is no gradient");
}

namespace {

// Class numbers are constants of the file.
std::string settle_class(Graph& graph, const char* input, const std::optional<int64_t>& index) {
    const auto declared = std::ranges::find(graph.inputs, input, &graph::ValueInfo::name);
    if (declared == graph.inputs.end()) return "";
    graph.inputs.erase(declared);
    graph.initializers[input] =
        std::make_shared<const Tensor>(Tensor::of<int64_t>({1}, std::vector<int64_t>{*index}));
    return input;
}

}  // namespace

void Compiling::build(bool with_gradient) {
    x = options.layer.empty() ? explained_input(model).name : options.layer;
    GradientRequest both = request;
    for (const TensorInfo& output : model.outputs()) both.values.push_back(output.name);
    both.values.push_back(x);
    if (with_gradient) both.gradients = {x};
    graph = model.gradient_graph(both);
    target = graph.outputs[0].name;
    const std::string classes = graph.outputs[1].name;
    if (with_gradient) gradient = graph.outputs.back().name;
    const std::string fixed = settle_class(graph, runtime::index_input, request.index);
    index = fixed.empty() ? classes : fixed;
    minus = settle_class(graph, runtime::minus_input, request.minus);
    features_of_baseline = options.baseline;
    if (!options.layer.empty() && options.baseline.size() > 0)
        features_of_baseline =
            model.split(options.layer).below->predict(Batch(options.baseline), run)[0].value;
}

// sum_k weights[k] * gradient at start + at[k] * direction. For a layer the part of the model above it.
std::string Compiling::loop(const std::string& start, const std::string& direction, const Tensor& at,
                            const std::vector<double>& weights) {
    GradientRequest inner = request;
    inner.index = 0;  // which class it is comes from outside
    inner.gradients = {x};
    LoopBody body{.moving = x, .index = index, .minus = minus};
    if (options.layer.empty()) {
        body.gradient = model.gradient_graph(inner);
    } else {
        const Split parts = model.split(options.layer);
        body.gradient = dynamic_cast<const OnnxModel&>(*parts.above).gradient_graph(inner);
    }
    body.gradient.outputs = {body.gradient.outputs.back()};
    graph::remove_unused(body.gradient);
    return add_gradient_loop(graph, std::move(body),
                                      {.start = start, .direction = direction, .at = constant(at), .weights = weights});
}

void Compiling::finish(const std::string& attribution, const std::string& error, bool map) {
    const auto name = [&](const std::string& tensor, const char* as, std::vector<graph::Dimension> shape) {
        graph.nodes.push_back({.op = "Identity", .name = as, .inputs = {tensor}, .outputs = {as}});
        shape.at(0) = {-1, "N"};
        graph.outputs.push_back({.name = as, .type = type(), .shape = std::move(shape)});
    };
    std::vector<graph::Dimension> shape = graph.value(x).shape.value_or(std::vector<graph::Dimension>(1));
    if (map) shape.at(1) = {1, ""};
    graph.outputs.clear();
    for (const TensorInfo& output : model.outputs()) graph.outputs.push_back(graph.value(output.name));
    for (const graph::ValueInfo& taken : graph.outputs)
        if (taken.name == "attribution" || taken.name == "attribution_error")
            throw Error(ErrorKind::unsupported, "the model has an output '" + taken.name + "' already");
    name(attribution, "attribution", std::move(shape));
    if (!error.empty()) name(error, "attribution_error", std::vector<graph::Dimension>(1));
    graph::remove_unused(graph);
    graph::sort_nodes(graph);
    graph::verify(graph);
}

}  // namespace whence::compile
