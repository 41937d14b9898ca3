#pragma once
// An ONNX model as a plain data structure that passes and the gradient sweep edit.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "whence/core/tensor.h"

namespace whence::graph {

/// Constants are shared between copies of a graph: copying a graph is cheap.
using Constant = std::shared_ptr<const Tensor>;
using Constants = std::map<std::string, Constant>;  ///< by name

struct Graph;
/// A graph inside a node (a branch of If, the body of Loop or Scan), shared between copies.
using Body = std::shared_ptr<const Graph>;

/// Protobuf bytes of something we carry through but do not look into: exotic tensors.
struct Opaque {
    std::string bytes;
};

using Attribute = std::variant<int64_t, float, std::string, Constant, std::vector<int64_t>,
                               std::vector<float>, std::vector<std::string>, Body, Opaque>;

struct Node {
    std::string op;
    std::string domain;  ///< empty for ai.onnx
    std::string name;
    std::vector<std::string> inputs;   ///< "" where an optional input is left out
    std::vector<std::string> outputs;  ///< "" where an optional output is left out
    std::map<std::string, Attribute> attributes;
    /// Names of outer tensors that the bodies of this node use (body.h keeps them so).
    std::vector<std::string> captures;
    /// Why a pass left the node without a gradient rule; empty if there is nothing to say.
    std::string obstacle;

    [[nodiscard]] bool has(const std::string& key) const { return attributes.count(key) != 0; }
    /// Attribute of that type, else the given default. A wrong type throws Error(model).
    [[nodiscard]] int64_t integer(const std::string& key, int64_t otherwise) const;
    [[nodiscard]] float number(const std::string& key, float otherwise) const;
    [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise) const;
    [[nodiscard]] std::vector<int64_t> integers(const std::string& key) const;  ///< empty if absent
    [[nodiscard]] bool has_input(size_t i) const { return i < inputs.size() && !inputs[i].empty(); }
    [[nodiscard]] bool is(std::string_view op_type) const { return domain.empty() && op == op_type; }
    /// "Relu node 'relu1' (output 'y')", safe to print: how errors name a node.
    [[nodiscard]] std::string describe() const;
};

/// A length, or a symbol such as "N", or neither.
struct Dimension {
    int64_t length = -1;
    std::string symbol;
    friend bool operator==(const Dimension&, const Dimension&) = default;
};

struct ValueInfo {
    std::string name;
    std::optional<ElementType> type;               ///< none: not a plain tensor, or unknown
    std::optional<std::vector<Dimension>> shape;   ///< none: even the rank is unknown
    std::string opaque_type;                       ///< TypeProto bytes where `type` cannot say it
    [[nodiscard]] Shape lengths() const;           ///< -1 for unknown; empty if the rank is unknown
};

struct Graph {
    std::string name;
    std::map<std::string, int64_t> opsets;  ///< by domain; "" is ai.onnx
    std::vector<Node> nodes;                ///< in topological order, always
    Constants initializers;
    std::map<std::string, Opaque> opaque_initializers;  ///< element types we do not read
    std::vector<ValueInfo> inputs;                      ///< without initializers
    std::vector<ValueInfo> outputs;
    std::unordered_map<std::string, ValueInfo> values;  ///< what is known of any tensor
    std::string model_rest;  ///< ModelProto bytes without the graph: functions, metadata, versions
    std::string scope;  ///< what fresh names begin with: those inside a body differ from those around it

    [[nodiscard]] int64_t opset() const;
    /// The node that makes `tensor`, or nullptr. Linear: build an index for repeated use.
    [[nodiscard]] const Node* producer(std::string_view tensor) const;
    [[nodiscard]] const ValueInfo* find_input(std::string_view tensor) const;
    /// Type and shape as far as known, also of initializers.
    [[nodiscard]] ValueInfo value(const std::string& tensor) const;
    [[nodiscard]] const Tensor* constant(const std::string& tensor) const;
    /// True if the tensor exists: an input, an initializer or some node's output.
    [[nodiscard]] bool contains(std::string_view tensor) const;
    /// A tensor name that is not in use, beginning with `stem`.
    [[nodiscard]] std::string fresh(const std::string& stem);

 private:
    std::set<std::string> taken_;
    std::unordered_map<std::string, int64_t> next_;
    size_t indexed_nodes_ = 0;
};

/// Throws Error(model) unless every name is defined once and before it is used. Called by the reader
/// and after every pass.
void verify(const Graph& graph);

/// Sorts the nodes topologically (stable). Throws Error(model) for a cycle or an undefined name; those of
/// `around` are defined outside.
void sort_nodes(Graph& graph, const std::vector<std::string>& around = {});

/// Removes nodes and initializers that no output needs.
void remove_unused(Graph& graph);

}  // namespace whence::graph
