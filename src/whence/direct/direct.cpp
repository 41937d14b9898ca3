#include "whence/direct/direct.h"

#include <algorithm>
#include <cmath>

#include "whence/direct/parts.h"

namespace whence::direct {
namespace {

constexpr int64_t most_columns = int64_t{1} << 31;

}  // namespace

std::shared_ptr<const MaskedScorer> read(const graph::Graph& graph) {
    if (auto dense = read_dense(graph)) return dense;
    return read_trees(graph);
}

MatrixInput matrix_input(const graph::Graph& graph) {
    if (graph.inputs.size() != 1 || graph.inputs[0].type != ElementType::float32) return {};
    const Shape shape = graph.inputs[0].lengths();
    if (shape.size() != 2 || shape[1] < 1) return {};
    return {graph.inputs[0].name, shape[1]};
}

MatrixInput flattened_input(const graph::Graph& graph) {
    if (graph.inputs.size() != 1 || graph.inputs[0].type != ElementType::float32) return {};
    const Shape shape = graph.inputs[0].lengths();
    if (shape.size() < 2 || graph.nodes.empty()) return {};
    // Only once it is flat is a picture a row of columns.
    const graph::Node& first = graph.nodes[0];
    if (shape.size() > 2 && !(first.is("Flatten") && first.integer("axis", 1) == 1)) return {};
    int64_t columns = 1;
    for (size_t i = 1; i < shape.size(); ++i) {
        if (shape[i] < 1 || columns > most_columns / shape[i]) return {};
        columns *= shape[i];
    }
    return {graph.inputs[0].name, columns, static_cast<int64_t>(shape.size())};
}

bool fits(const LabelMasker& masker, const MatrixInput& form) {
    const Tensor &input = masker.input(), &baseline = masker.baseline();
    if (input.type() != ElementType::float32 || input.rank() != form.rank ||
        input.row_size() != form.columns)
        return false;
    const auto finite = [](const Tensor& tensor) {
        return std::ranges::all_of(tensor.as<float>(), [](float v) { return std::isfinite(v); });
    };
    return finite(input) && finite(baseline);
}

}  // namespace whence::direct
