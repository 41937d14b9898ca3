#pragma once
// What an OnnxModel holds: its graph, and the sessions and parts made of it. Private to this folder.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "whence/runtime/onnx_model.h"
#include "whence/runtime/session.h"

namespace whence {

struct OnnxModel::State {
    std::string sha256;
    graph::Graph graph;
    std::vector<TensorInfo> inputs, outputs;
    std::vector<std::string> labels;
    int64_t fixed_batch = 0;
    std::string batch_note;
    std::vector<std::string> notes;
    int threads = 0;
    Run trial;  ///< how trial runs are stopped
    bool convolutional = false;  ///< convolves images, whose layout ONNX Runtime blocks
    std::unique_ptr<runtime::Session> forward;  ///< of a part: made when first needed

    // Convolutional networks run several rows in parts side by side, each part in one thread: faster
    // than all threads on one large batch, and the same bits for any number of threads.
    std::unique_ptr<runtime::Session> forward_alone;

    // Made when first needed, kept for the next call.
    std::mutex mutex;
    std::unique_ptr<graph::Graph> canonical;  ///< opset 18, annotated: what gradients are built from
    struct GradientSession {
        std::string key;
        std::shared_ptr<const runtime::Session> session;
    };
    std::deque<GradientSession> gradient_sessions;  ///< of the last requests, the newest last
    std::unique_ptr<graph::Graph> annotated;  ///< as it stands in the file, with types and shapes
    struct Parts {
        std::string layer;
        std::shared_ptr<State> below, above;
    };
    std::deque<Parts> split;  ///< the last few layers

    // Models that differ in some constants share a state whose graph has these as inputs after the others.
    struct Shared {
        std::vector<std::string> names;
        std::shared_ptr<State> state;
        std::mutex mutex;
        std::map<std::string, std::string> refused;  ///< what its sessions could not be made for, and why
    };
    std::shared_ptr<Shared> lifted;         ///< of the constants that with_constants was given last
    std::shared_ptr<Shared> shared;         ///< of a model made by with_constants
    std::vector<graph::Constant> constants;  ///< what `shared` is to read for it
    std::set<std::string> lifted_inputs;     ///< of the shared state itself: inputs that are no input of the model

    const graph::Graph& annotated_graph();
    const graph::Graph& canonical_graph(const Run& run);
    std::shared_ptr<const runtime::Session> gradient_session(const GradientRequest& request, int64_t rows, bool alone,
                                                             bool twice, const Run& run);
    /// What requests for the same graph have in common.
    [[nodiscard]] static std::string key_of(const GradientRequest& request, bool twice);
    graph::Graph gradient_graph_of(const GradientRequest& request, bool twice, const Run& run);
    /// The outputs of the request's graph; `directions` empty unless it is differentiated twice.
    std::vector<Tensor> run_request(const Batch& inputs, const GradientRequest& request,
                                    const std::vector<Tensor>& directions, const Run& run);
    void check_classes(const GradientRequest& request) const;
    const runtime::Session& forward_session(bool alone);
    void free_batch();
    /// Opens the session unless free_batch did, and reads off the graph what callers ask for.
    void finish();
    void describe(const std::vector<graph::ValueInfo>& made);
    /// A part of this model's graph as a model of its own.
    [[nodiscard]] std::shared_ptr<State> part(graph::Graph of) const;
    /// The same inputs and outputs, another graph.
    [[nodiscard]] std::shared_ptr<State> like(graph::Graph other) const;
    std::shared_ptr<Shared> lift(const graph::Constants& values);
    /// Where `rows` rows run: in the shared state if it is worth it and `make` can make there what they need, else here.
    State& place(int64_t rows, Rules rules, const std::string& what, const std::function<void(State&)>& make);
    /// Inputs, and after them the constants that are read at that place.
    [[nodiscard]] std::vector<const Tensor*> given_at(const State& place, std::vector<const Tensor*> inputs_and_more) const;
    Parts parts_at(const std::string& layer);
    /// The inputs in the model's order; those converted to another type are kept in `converted`.
    std::vector<const Tensor*> checked(const Batch& batch, std::vector<Tensor>& converted) const;
    /// The references of compared_inputs, as many rows as the inputs have; those made for it are kept.
    std::vector<const Tensor*> references(const GradientRequest& request, const std::vector<const Tensor*>& tensors,
                                          std::vector<Tensor>& converted, Batch& repeated) const;
    /// Sizes of the parts in which rows run.
    std::vector<int64_t> parts(int64_t rows) const;
    int64_t part_rows() const;
    int64_t row_elements() const;
    int part_threads(const Run& run) const;
};

namespace runtime {

[[nodiscard]] inline bool is_float(ElementType type) {
    return type == ElementType::float32 || type == ElementType::float64;
}

}  // namespace runtime

}  // namespace whence
