// Models with other constants: sessions that read them as inputs, for all such models together.

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/graph/passes/passes.h"
#include "whence/runtime/onnx_state.h"

namespace whence {
namespace {

// Up to here a convolution reads weights that ONNX Runtime could not lay out in blocks sooner than a session of its
// own is made: that takes as long as 20 to 40 rows lose.
constexpr int64_t few_rows = 16;

void check(const graph::Graph& graph, const std::string& name, const Tensor& value) {
    const Tensor* was = graph.constant(name);
    if (!was) throw Error(ErrorKind::usage, fmt::format("there is no constant '{}' in the model", printable(name)));
    if (was->type() != value.type() || was->shape() != value.shape())
        throw Error(ErrorKind::usage, fmt::format("the constant '{}' is {} {} in the model, not {} {}", printable(name),
                                                  whence::name(was->type()), to_string(was->shape()),
                                                  whence::name(value.type()), to_string(value.shape())));
}

}  // namespace

std::shared_ptr<const OnnxModel> OnnxModel::with_constants(const graph::Constants& values) const {
    graph::Graph other = graph();
    for (const auto& [name, value] : values) {
        check(other, name, *value);
        other.initializers[name] = value;
    }
    std::shared_ptr<State> state = state_->like(std::move(other));
    state->shared = state_->lift(values);
    for (const auto& [name, value] : values) state->constants.push_back(value);
    return std::shared_ptr<const OnnxModel>(new OnnxModel(std::move(state)));
}

std::string OnnxModel::apart_because() const {
    if (!state_->shared) return "";
    const std::lock_guard lock(state_->shared->mutex);
    const auto& refused = state_->shared->refused;
    return refused.empty() ? "" : refused.begin()->second;
}

std::shared_ptr<OnnxModel::State> OnnxModel::State::like(graph::Graph other) const {
    std::shared_ptr<State> made = part(std::move(other));
    made->inputs = inputs;
    made->outputs = outputs;
    made->labels = labels;
    return made;
}

std::shared_ptr<OnnxModel::State::Shared> OnnxModel::State::lift(const graph::Constants& values) {
    std::vector<std::string> names;
    for (const auto& [name, value] : values) names.push_back(name);
    const std::lock_guard lock(mutex);
    if (lifted && lifted->names == names) return lifted;
    graph::Graph open = graph;
    graph::lift_constants(open, names);
    auto made = std::make_shared<Shared>();
    made->state = like(std::move(open));
    made->state->lifted_inputs.insert(names.begin(), names.end());
    made->names = std::move(names);
    lifted = made;
    return made;
}

OnnxModel::State& OnnxModel::State::place(int64_t rows, Rules rules, const std::string& what,
                                          const std::function<void(State&)>& make) {
    if (!shared || rules == Rules::deep_lift || (convolutional && rows > few_rows)) return *this;
    {
        const std::lock_guard lock(shared->mutex);
        if (shared->refused.count(what)) return *this;
    }
    try {
        make(*shared->state);
        return *shared->state;
    } catch (const Error& error) {
        // What is wrong with the request itself, its own session says as well.
        if (error.kind() != ErrorKind::unsupported && error.kind() != ErrorKind::model) throw;
        const std::lock_guard lock(shared->mutex);
        shared->refused.emplace(what, error.what());
        return *this;
    }
}

std::vector<const Tensor*> OnnxModel::State::given_at(const State& place, std::vector<const Tensor*> inputs_and_more) const {
    if (&place == this) return inputs_and_more;
    auto at = inputs_and_more.begin() + std::ssize(inputs);
    for (const graph::Constant& constant : constants) at = inputs_and_more.insert(at, constant.get()) + 1;
    return inputs_and_more;
}

}  // namespace whence
