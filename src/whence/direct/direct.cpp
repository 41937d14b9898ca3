#include "whence/direct/direct.h"

#include <algorithm>
#include <cmath>

#include "whence/direct/parts.h"

namespace whence::direct {

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

bool fits(const LabelMasker& masker, int64_t columns) {
    const Tensor &input = masker.input(), &baseline = masker.baseline();
    if (input.type() != ElementType::float32 || input.rank() != 2 || input.row_size() != columns)
        return false;
    const auto finite = [](const Tensor& tensor) {
        return std::ranges::all_of(tensor.as<float>(), [](float v) { return std::isfinite(v); });
    };
    return finite(input) && finite(baseline);
}

}  // namespace whence::direct
