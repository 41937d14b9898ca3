#include "whence/runtime/onnx_state.h"

#include <algorithm>

#include "whence/graph/passes/passes.h"
#include "whence/runtime/annotate.h"
#include "whence/runtime/gradient_graph.h"

namespace whence {
namespace {

using graph::Graph;
using runtime::Session;

std::vector<TensorInfo> infos(const std::vector<graph::ValueInfo>& values) {
    std::vector<TensorInfo> out;
    for (const graph::ValueInfo& value : values)
        out.push_back({.name = value.name, .type = value.type.value_or(ElementType::float32), .shape = value.lengths()});
    return out;
}

// Inputs of a gradient graph have a row for each row, but for the classes.
bool takes_rows(const graph::ValueInfo& input) {
    return input.name != runtime::index_input && input.name != runtime::minus_input;
}

}  // namespace

std::string OnnxModel::State::key_of(const GradientRequest& request, bool twice) {
    std::string key = request.output + '\n' + std::string(name(request.scale)) + (request.index ? "\ni" : "\nt") +
                      (request.minus ? "m" : "") + (twice ? "2" : "");
    for (const std::string& value : request.values) key += "\nv" + value;
    for (const std::string& gradient : request.gradients) key += "\ng" + gradient;
    return key + "\nr" + std::string(name(request.rules));
}

// Gradients start from the graph with batch normalisation folded: fewer nodes both ways. Requests that
// name a folded tensor get a graph of their own in gradient_session.
const Graph& OnnxModel::State::canonical_graph(const Run& run) {
    if (!canonical) canonical = std::make_unique<Graph>(runtime::canonical(graph, run));
    return *canonical;
}

const Graph& OnnxModel::State::annotated_graph() {
    if (!annotated) {
        auto made = std::make_unique<Graph>(graph);
        runtime::annotate(*made, trial);
        annotated = std::move(made);
    }
    return *annotated;
}

// `rows` 0: any number. ONNX Runtime keeps its blocked layout through a gradient graph only where it
// can prove that shapes are equal, which takes a fixed number of rows. `alone`: in the caller's thread.
std::shared_ptr<const Session> OnnxModel::State::gradient_session(const GradientRequest& request, int64_t rows, bool alone,
                                                                  bool twice, const Run& run) {
    constexpr size_t kept = 16;  // each holds a copy of the weights
    const std::string key = key_of(request, twice) + "\n#" + std::to_string(rows) + (alone ? "a" : "");
    const std::lock_guard lock(mutex);
    const auto known = std::ranges::find(gradient_sessions, key, &GradientSession::key);
    if (known != gradient_sessions.end()) {
        std::rotate(known, known + 1, gradient_sessions.end());
        return gradient_sessions.back().session;
    }
    Graph both = gradient_graph_of(request, twice, run);
    if (rows > 0)
        for (graph::ValueInfo& input : both.inputs)
            if (takes_rows(input) && !lifted_inputs.count(input.name) && input.shape && !input.shape->empty()) (*input.shape)[0] = {rows, ""};
    gradient_sessions.push_back(
        {key, std::make_shared<const Session>(both, runtime::SessionOptions{.threads = alone ? 1 : threads})});
    if (gradient_sessions.size() > kept) gradient_sessions.pop_front();
    return gradient_sessions.back().session;
}

Graph OnnxModel::State::gradient_graph_of(const GradientRequest& request, bool twice, const Run& run) {
    Graph base = canonical_graph(run);
    std::set<std::string> keep(request.values.begin(), request.values.end());
    keep.insert(request.gradients.begin(), request.gradients.end());
    graph::fold_batch_normalization(base, keep);
    return runtime::gradient_graph(base, request, run, twice);
}

const Session& OnnxModel::State::forward_session(bool alone) {
    const std::lock_guard lock(mutex);
    const bool own = alone && threads != 1;
    std::unique_ptr<Session>& session = own ? forward_alone : forward;
    if (session) return *session;
    Graph ready = graph;
    // ONNX Runtime folds normalisations into constant weights only.
    if (!lifted_inputs.empty()) graph::fold_batch_normalization(ready, {});
    session = std::make_unique<Session>(ready, runtime::SessionOptions{.threads = own ? 1 : threads});
    return *session;
}

void OnnxModel::State::finish() {
    if (!forward) forward = std::make_unique<Session>(graph, runtime::SessionOptions{.threads = threads});
    describe(forward->output_infos());
}

void OnnxModel::State::describe(const std::vector<graph::ValueInfo>& made) {
    convolutional = std::ranges::any_of(graph.nodes, [](const graph::Node& node) { return node.is("Conv"); });
    inputs = infos(graph.inputs);
    outputs = infos(made);
    for (TensorInfo& output : outputs) output.scale = graph::output_scale(graph, output.name);
}

std::shared_ptr<OnnxModel::State> OnnxModel::State::part(Graph of) const {
    auto made = std::make_shared<State>();
    made->sha256 = sha256;
    made->graph = std::move(of);
    made->fixed_batch = fixed_batch;
    made->batch_note = batch_note;
    made->notes = notes;
    made->threads = threads;
    made->trial = trial;
    std::vector<graph::ValueInfo> infos;
    for (const graph::ValueInfo& output : made->graph.outputs) infos.push_back(made->graph.value(output.name));
    made->describe(infos);
    return made;
}

OnnxModel::State::Parts OnnxModel::State::parts_at(const std::string& layer) {
    constexpr size_t kept = 4;  // each holds a copy of the weights once it has run
    const std::lock_guard lock(mutex);
    const auto known = std::ranges::find(split, layer, &Parts::layer);
    if (known != split.end()) return *known;
    const Graph& whole = annotated_graph();
    split.push_back({layer, part(graph::cut_below(whole, {layer})), part(graph::cut_above(whole, layer))});
    if (split.size() > kept) split.pop_front();
    return split.back();
}

}  // namespace whence
