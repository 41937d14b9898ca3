#pragma once
// Appends nodes to a graph: the small language in which passes and gradient rules are written.

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "whence/graph/graph.h"

namespace whence::graph {

using Attributes = std::map<std::string, Attribute>;

/// Emits operators of opset 18 and newer (gradient graphs) into `graph`, each with one fresh output
/// whose name is returned. Equal constants are shared.
class Builder {
 public:
    explicit Builder(Graph& graph) : graph_(graph) {}

    [[nodiscard]] Graph& graph() { return graph_; }

    std::string node(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {});
    /// A node with several outputs.
    std::vector<std::string> nodes(const std::string& op, std::vector<std::string> inputs, size_t outputs,
                                   Attributes attributes = {});

    std::string constant(Tensor value);
    std::string ints(const std::vector<int64_t>& values);  ///< int64 [n]
    std::string integer(int64_t value);                    ///< int64 scalar
    /// A scalar of that floating-point type.
    std::string scalar(double value, ElementType type);

    // Arithmetic, named after what it means.
    std::string add(const std::string& a, const std::string& b) { return node("Add", {a, b}); }
    std::string sub(const std::string& a, const std::string& b) { return node("Sub", {a, b}); }
    std::string mul(const std::string& a, const std::string& b) { return node("Mul", {a, b}); }
    std::string div(const std::string& a, const std::string& b) { return node("Div", {a, b}); }
    std::string neg(const std::string& a) { return node("Neg", {a}); }

    std::string shape(const std::string& tensor) { return node("Shape", {tensor}); }
    /// The lengths of axes [start, end) of a tensor: int64 [end - start].
    std::string shape(const std::string& tensor, int64_t start, int64_t end) {
        return node("Shape", {tensor}, {{"start", start}, {"end", end}});
    }
    std::string reshape(const std::string& tensor, const std::string& shape) {
        return node("Reshape", {tensor, shape}, {{"allowzero", int64_t{1}}});
    }
    std::string transpose(const std::string& tensor, std::vector<int64_t> order) {
        return node("Transpose", {tensor}, {{"perm", std::move(order)}});
    }
    std::string concat(std::vector<std::string> parts, int64_t axis) {
        return node("Concat", std::move(parts), {{"axis", axis}});
    }
    std::string reduce_sum(const std::string& tensor, const std::vector<int64_t>& axes, bool keep) {
        return node("ReduceSum", {tensor, ints(axes)}, {{"keepdims", int64_t{keep}}});
    }
    std::string reduce_mean(const std::string& tensor, const std::vector<int64_t>& axes, bool keep) {
        return node("ReduceMean", {tensor, ints(axes)}, {{"keepdims", int64_t{keep}}});
    }
    std::string cast(const std::string& tensor, ElementType type);
    /// Zeros of that type with the shape given by a shape tensor.
    std::string zeros(const std::string& shape, ElementType type);

 private:
    Graph& graph_;
    std::vector<std::pair<Constant, std::string>> shared_;
};

}  // namespace whence::graph
