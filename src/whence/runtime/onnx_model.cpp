#include "whence/runtime/onnx_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/hash.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/io.h"
#include "whence/runtime/environment.h"
#include "whence/runtime/onnx_state.h"
#include "whence/runtime/parts.h"

namespace whence {

using graph::Graph;
using runtime::Session;

OnnxModel::OnnxModel(std::shared_ptr<State> state) : state_(std::move(state)) {}
OnnxModel::OnnxModel(OnnxModel&&) noexcept = default;
OnnxModel& OnnxModel::operator=(OnnxModel&&) noexcept = default;
OnnxModel::~OnnxModel() = default;

OnnxModel OnnxModel::load(const std::filesystem::path& path, const OnnxModelOptions& options) {
    const std::vector<std::byte> bytes = read_file(path);
    try {
        return parse(bytes, path.parent_path(), options);
    } catch (const Error& error) {
        throw Error(error.kind(), printable(path.string(), 400) + ": " + error.what());
    }
}

OnnxModel OnnxModel::parse(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                           const OnnxModelOptions& options) {
    return of(graph::parse_model(bytes, folder), whence::sha256(bytes), options);
}

OnnxModel OnnxModel::of(Graph graph, std::string sha256, const OnnxModelOptions& options) {
    auto state = std::make_unique<State>();
    state->sha256 = std::move(sha256);
    state->threads = options.threads;
    state->trial = options.run;
    state->trial.progress = nullptr;
    state->graph = std::move(graph);
    graph::fold_constants(state->graph);
    if (graph::compute_in_single_precision(state->graph))
        state->notes.push_back("half precision in the file; computed in float32");
    if (std::ranges::any_of(state->graph.nodes, [](const graph::Node& node) { return node.is("QuantizeLinear"); }))
        state->notes.push_back("quantised: gradients pass straight through the rounding, and nothing passes where it clips");
    state->labels = graph::drop_zipmap(state->graph);
    if (options.pixels)
        graph::add_pixel_transform(state->graph, options.pixels->transform, options.pixels->height, options.pixels->width);
    state->free_batch();
    state->finish();
    return OnnxModel(std::move(state));
}

std::shared_ptr<const OnnxModel> OnnxModel::with_graph(Graph graph) const {
    return std::shared_ptr<const OnnxModel>(new OnnxModel(state_->like(std::move(graph))));
}

const std::vector<TensorInfo>& OnnxModel::inputs() const { return state_->inputs; }
const std::vector<TensorInfo>& OnnxModel::outputs() const { return state_->outputs; }
const std::string& OnnxModel::sha256() const { return state_->sha256; }
const Graph& OnnxModel::graph() const { return state_->graph; }
const std::vector<std::string>& OnnxModel::class_labels() const { return state_->labels; }
int64_t OnnxModel::fixed_batch() const { return state_->fixed_batch; }
const std::string& OnnxModel::batch_note() const { return state_->batch_note; }
const std::vector<std::string>& OnnxModel::notes() const { return state_->notes; }

// Sessions run on one pool, which one call at a time fills; without a pool calls may overlap.
int OnnxModel::concurrency() const { return state_->threads == 1 ? runtime_threads() : 1; }

int64_t OnnxModel::preferred_batch() const {
    if (state_->fixed_batch > 0) return state_->fixed_batch;
    const int64_t fit = (int64_t{1} << 23) / state_->row_elements();
    const int64_t most = state_->convolutional ? 64 : 1024;
    return std::clamp<int64_t>(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(fit))), 1, most);
}

Batch OnnxModel::predict(const Batch& inputs, const Run& run) const {
    std::vector<Tensor> converted;
    const std::vector<const Tensor*> tensors = state_->checked(inputs, converted);
    const std::vector<int64_t> sizes = state_->parts(inputs.rows());
    const bool alone = sizes.size() > 1;
    State& place = state_->place(inputs.rows(), Rules::gradient, "predictions",
                                 [&](State& shared) { (void)shared.forward_session(alone); });
    const Session& session = place.forward_session(alone);
    std::vector<Tensor> outputs =
        runtime::run_parts(tensors, sizes, state_->part_threads(run), run,
                           [&](const std::vector<const Tensor*>& part, int64_t) { return session.run(state_->given_at(place, part), run); });
    Batch out;
    for (size_t i = 0; i < outputs.size(); ++i) {
        if (outputs[i].rows() != inputs.rows())
            throw Error(ErrorKind::unsupported,
                        fmt::format("output '{}' has {} rows for {} rows of input: it is no answer to each row",
                                    printable(state_->outputs[i].name), outputs[i].rows(), inputs.rows()));
        out.add(state_->outputs[i].name, std::move(outputs[i]));
    }
    return out;
}

namespace {

// The outputs of a gradient graph but for the products, which stay behind in `outputs`.
GradientResult take_result(std::vector<Tensor>& outputs, const GradientRequest& request) {
    const bool compares = request.rules == Rules::deep_lift;
    GradientResult result{.target = outputs[0].to_doubles()};
    const auto classes = outputs[1].as<int64_t>();
    result.index.assign(classes.begin(), classes.end());
    if (compares) result.reference_target = outputs[2].to_doubles();
    auto next = outputs.begin() + (compares ? 3 : 2);
    for (size_t i = 0; i < request.values.size(); ++i) result.values.push_back(std::move(*next++));
    for (size_t i = 0; i < request.gradients.size(); ++i) result.gradients.push_back(std::move(*next++));
    outputs.erase(outputs.begin(), next);
    return result;
}

}  // namespace

GradientResult OnnxModel::run(const Batch& inputs, const GradientRequest& request, const Run& run) const {
    std::vector<Tensor> outputs = state_->run_request(inputs, request, {}, run);
    return take_result(outputs, request);
}

SecondGradient OnnxModel::second_gradient(const Batch& inputs, const GradientRequest& request,
                                          const std::vector<Tensor>& directions, const Run& run) const {
    if (request.rules != Rules::gradient)
        throw Error(ErrorKind::usage, fmt::format("there are no second derivatives by the rules of {}", name(request.rules)));
    if (request.gradients.empty() || directions.size() != request.gradients.size())
        throw Error(ErrorKind::usage, fmt::format("{} directions for {} tensors", directions.size(), request.gradients.size()));
    for (const Tensor& direction : directions)
        if (direction.rank() < 1 || direction.rows() != inputs.rows())
            throw Error(ErrorKind::input, fmt::format("a direction of shape {} for {} rows", to_string(direction.shape()), inputs.rows()));
    std::vector<Tensor> outputs = state_->run_request(inputs, request, directions, run);
    SecondGradient result{.first = take_result(outputs, request)};
    result.products = std::move(outputs);
    return result;
}

Split OnnxModel::split(const std::string& layer) const {
    const State::Parts parts = state_->parts_at(layer);
    return {.below = std::unique_ptr<DifferentiableModel>(new OnnxModel(parts.below)),
            .above = std::unique_ptr<DifferentiableModel>(new OnnxModel(parts.above))};
}

std::vector<Differentiability> OnnxModel::differentiability() const {
    const std::lock_guard lock(state_->mutex);
    // Annotated types tell which tensors can carry a gradient; an old opset's operators are named as
    // they stand in the file where it cannot be brought to opset 18.
    const Graph* graph = &state_->graph;
    try {
        graph = &state_->canonical_graph(state_->trial);
    } catch (const Error&) {
    }
    std::vector<Differentiability> all;
    for (const TensorInfo& output : state_->outputs)
        for (const TensorInfo& input : state_->inputs) {
            Differentiability d{.output = output.name, .input = input.name};
            d.missing = graph::missing_rules(*graph, input.name, output.name, d.connected);
            all.push_back(std::move(d));
        }
    return all;
}

std::vector<LayerInfo> OnnxModel::layers() const {
    const std::lock_guard lock(state_->mutex);
    const Graph& graph = state_->annotated_graph();
    std::vector<LayerInfo> all;
    for (const graph::Node& node : graph.nodes)
        for (const std::string& output : node.outputs) {
            if (output.empty()) continue;
            const graph::ValueInfo info = graph.value(output);
            LayerInfo layer{.name = output, .op = node.op, .type = info.type};
            if (info.shape) layer.shape = info.lengths();
            all.push_back(std::move(layer));
        }
    return all;
}

const Graph& OnnxModel::differentiable_graph() const {
    const std::lock_guard lock(state_->mutex);
    return state_->canonical_graph(state_->trial);
}

Graph OnnxModel::gradient_graph(const GradientRequest& request) const {
    const std::lock_guard lock(state_->mutex);
    return state_->gradient_graph_of(request, false, state_->trial);
}

}  // namespace whence
