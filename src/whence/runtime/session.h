#pragma once
// One graph, ready to run.

#include <memory>
#include <string>
#include <vector>

#include "whence/core/batch.h"
#include "whence/core/run.h"
#include "whence/graph/graph.h"

namespace whence::runtime {

struct SessionOptions {
    int threads = 0;       ///< 0: the shared pool; 1: the caller's thread; n: a pool of its own
    bool optimise = true;  ///< false: only to ask for types and shapes
    /// Bytes of constants handed over inside the model, which protobuf keeps below 2 GiB. If there are more,
    /// ONNX Runtime borrows the large ones from the graph.
    uint64_t inside = uint64_t{7} << 28;
};

class Session {
 public:
    /// Throws Error(model) with ONNX Runtime's reason in one line.
    Session(const graph::Graph& graph, const SessionOptions& options);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Outputs in the graph's order. Safe from several threads. Ends early when `run` demands it.
    [[nodiscard]] std::vector<Tensor> run(const std::vector<const Tensor*>& inputs, const Run& run) const;

    /// The same into tensors that have the outputs' types and shapes: nothing is allocated or copied. Throws
    /// Error(model) where a shape is another.
    void run_into(const std::vector<const Tensor*>& inputs, const std::vector<Tensor*>& outputs, const Run& run) const;

    /// Types and shapes of the outputs as ONNX Runtime infers them. A rank of 0 may mean "unknown".
    [[nodiscard]] std::vector<graph::ValueInfo> output_infos() const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace whence::runtime
