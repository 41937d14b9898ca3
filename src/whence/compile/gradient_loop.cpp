#include "whence/compile/gradient_loop.h"

#include <algorithm>
#include <unordered_map>

#include "whence/core/error.h"
#include "whence/graph/body.h"
#include "whence/graph/builder.h"
#include "whence/runtime/gradient_graph.h"

namespace whence::compile {
namespace {

using graph::Builder;
using graph::Constant;
using graph::Graph;
using graph::Node;

constexpr const char* prefix = "step/";

// New names for everything the body defines, so that no name of the outer graph is hidden.
class Renamed {
  public:
    Renamed(Graph& outer, LoopBody& body) {
        const Graph& g = body.gradient;
        for (const auto& [name, constant] : g.initializers) adopt(outer, name, constant);
        for (const auto& [name, constant] : g.opaque_initializers)
            if (!outer.opaque_initializers.count(name))
                throw Error(ErrorKind::internal, "a constant of the loop is not in the model");
        for (const Node& node : g.nodes) {
            if (!node.captures.empty())
                throw Error(ErrorKind::unsupported,
                            node.describe() + " holds a graph of its own and cannot run inside a loop");
            for (const std::string& output : node.outputs)
                if (!output.empty()) names_[output] = prefix + output;
        }
    }
    void set(const std::string& name, const std::string& to) { names_[name] = to; }
    [[nodiscard]] std::string of(const std::string& name) const {
        const auto found = names_.find(name);
        return found == names_.end() ? name : found->second;
    }

  private:
    // A constant of the outer graph of that name is the same one where it is the same tensor.
    void adopt(Graph& outer, const std::string& name, const Constant& constant) {
        const auto same = outer.initializers.find(name);
        if (same != outer.initializers.end() && (same->second == constant || *same->second == *constant)) return;
        names_[name] = prefix + name;
        outer.initializers[prefix + name] = constant;
    }
    std::unordered_map<std::string, std::string> names_;
};

graph::ValueInfo value(const std::string& name, ElementType type, bool scalar) {
    graph::ValueInfo info{.name = name, .type = type};
    if (scalar) info.shape.emplace();
    return info;
}

std::string constant(Graph& graph, const std::string& name, Tensor tensor) {
    graph.initializers[name] = std::make_shared<const Tensor>(std::move(tensor));
    return name;
}

}  // namespace

std::string add_gradient_loop(Graph& outer, LoopBody body, const LoopPath& path) {
    const auto count = static_cast<int64_t>(path.weights.size());
    const ElementType type = outer.value(path.direction).type.value_or(ElementType::float32);
    const std::string weights = constant(
        outer, std::string(prefix) + "weights", Tensor::of<double>({count}, path.weights).cast(type));

    Renamed names(outer, body);
    names.set(body.moving, std::string(prefix) + "point");
    if (!body.index.empty()) names.set(runtime::index_input, body.index);
    if (!body.minus.empty()) names.set(runtime::minus_input, body.minus);

    Graph loop;
    loop.name = "step";
    loop.opsets = outer.opsets;
    const std::string k = std::string(prefix) + "k", more = std::string(prefix) + "more",
                      sum = std::string(prefix) + "sum";
    loop.inputs = {value(k, ElementType::int64, true), value(more, ElementType::boolean, true),
                   value(sum, type, false)};
    const auto add = [&](const std::string& op, std::vector<std::string> inputs, const std::string& output,
                         graph::Attributes attributes = {}) {
        loop.nodes.push_back({.op = op,
                              .name = prefix + output,
                              .inputs = std::move(inputs),
                              .outputs = {prefix + output},
                              .attributes = std::move(attributes)});
        return prefix + output;
    };
    const std::string at = add("Gather", {path.at, k}, "at", {{"axis", int64_t{0}}});
    add("Add", {path.start, add("Mul", {at, path.direction}, "way")}, "point");
    for (const Node& node : body.gradient.nodes) {
        Node renamed = node;
        renamed.name = prefix + node.name;
        for (auto* tensors : {&renamed.inputs, &renamed.outputs})
            for (std::string& tensor : *tensors) tensor = names.of(tensor);
        loop.nodes.push_back(std::move(renamed));
    }
    const std::string weight = add("Gather", {weights, k}, "weight", {{"axis", int64_t{0}}});
    const std::string part = add("Mul", {names.of(body.gradient.outputs.at(0).name), weight}, "part");
    const std::string on = add("Identity", {more}, "on");
    const std::string next = add("Add", {sum, part}, "next");
    loop.outputs = {value(on, ElementType::boolean, true), value(next, type, false)};

    Builder b(outer);
    const std::string zero = b.mul(path.direction, b.scalar(0, type));
    Node node{.op = "Loop",
              .name = "whence/steps",
              .inputs = {b.integer(count), "", zero},
              .outputs = {outer.fresh("whence/sum")}};
    graph::set_body(node, "body", std::move(loop));
    outer.nodes.push_back(node);
    return node.outputs[0];
}

}  // namespace whence::compile
