#include "whence/runtime/annotate.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/runtime/session.h"

namespace whence::runtime {
namespace {

constexpr uint32_t made_up_stream = 0x3A4E;
constexpr int64_t most_made_up = int64_t{1} << 27;  // elements of one input

// A graph whose outputs are all its tensors.
graph::Graph with_all_outputs(const graph::Graph& graph) {
    graph::Graph all = graph;
    all.outputs.clear();
    for (const graph::Node& node : all.nodes)
        for (const std::string& output : node.outputs)
            if (!output.empty()) all.outputs.push_back({.name = output});
    return all;
}

// Operators whose result is a scalar when ONNX Runtime reports no dimensions.
bool may_be_scalar(const graph::Node& node) {
    return node.is("Size") || node.is("Squeeze") || node.is("Gather") || node.op.starts_with("Reduce") ||
           node.is("ArgMax") || node.is("ArgMin") || node.is("Constant") || node.is("Reshape");
}

std::vector<Tensor> values_for(const graph::Graph& graph, const Session& session, int64_t rows, const Run& run) {
    const std::vector<Tensor> inputs = made_up_inputs(graph, rows);
    std::vector<const Tensor*> pointers;
    for (const Tensor& input : inputs) pointers.push_back(&input);
    return session.run(pointers, run);
}

void measure_shapes(graph::Graph& graph, const graph::Graph& all, const Session& session, const Run& run) {
    // Integers may state lengths (starts of a Slice), and ours are made up.
    const bool fixed_lengths = std::ranges::all_of(graph.inputs, [](const graph::ValueInfo& input) {
        const Shape lengths = input.lengths();
        const bool number = input.type == ElementType::float32 || input.type == ElementType::float64;
        return number && !lengths.empty() && std::none_of(lengths.begin() + 1, lengths.end(), [](int64_t l) { return l < 0; });
    });
    // What is as long for two rows as for three does not depend on the rows, wherever it stands: some
    // networks put the tokens first, or the rows of a batch behind each other.
    const std::vector<Tensor> two = values_for(graph, session, 2, run), three = values_for(graph, session, 3, run);
    for (size_t i = 0; i < two.size(); ++i) {
        graph::ValueInfo& info = graph.values[all.outputs[i].name];
        if (info.shape || two[i].rank() != three[i].rank()) continue;
        info.shape.emplace();
        for (size_t d = 0; d < two[i].shape().size(); ++d) {
            const int64_t length = two[i].shape()[d];
            info.shape->push_back({fixed_lengths && length == three[i].shape()[d] ? length : -1, ""});
        }
    }
}

}  // namespace

std::vector<Tensor> made_up_inputs(const graph::Graph& graph, int64_t rows) {
    std::vector<Tensor> inputs;
    for (const graph::ValueInfo& info : graph.inputs) {
        Shape shape = info.lengths();
        for (size_t d = 0; d < shape.size(); ++d)
            if (shape[d] < 0) shape[d] = d == 0 ? rows : 1;
        const ElementType type = info.type.value_or(ElementType::float32);
        // The file says the lengths: a few bytes of it must not fill the memory.
        if (element_count(shape) > most_made_up)
            throw Error(ErrorKind::limit, "input '" + printable(info.name) + "' of shape " + to_string(shape) +
                                              " is too large to be tried");
        Tensor tensor(type, shape);
        if (type == ElementType::float32 || type == ElementType::float64) {
            std::vector<double> values(tensor.size());
            Rng rng(0, made_up_stream, inputs.size());
            for (double& value : values) value = rng.uniform();
            tensor = Tensor::of<double>(shape, values).cast(type);
        }
        inputs.push_back(std::move(tensor));
    }
    return inputs;
}

void annotate(graph::Graph& graph, const Run& run) {
    const graph::Graph all = with_all_outputs(graph);
    const Session session(all, {.threads = 1, .optimise = false});
    bool unknown = false;
    size_t position = 0;
    std::vector<graph::ValueInfo> infos = session.output_infos();
    for (const graph::Node& node : graph.nodes)
        for (const std::string& output : node.outputs) {
            if (output.empty()) continue;
            graph::ValueInfo& info = infos[position++];
            if (info.shape && info.shape->empty()) {
                info.shape.reset();
                unknown = true;
            }
            graph.values[output] = std::move(info);
        }
    const auto has_rank = [](const graph::ValueInfo& input) { return input.shape.has_value(); };
    if (!unknown || !std::ranges::all_of(graph.inputs, has_rank)) return;
    try {
        measure_shapes(graph, all, session, run);
    } catch (const Error&) {
        run.check();
        // The made-up input did not run. What may be a scalar is taken for one; the rest stays unknown
        // and a rule that needs it says so.
        for (const graph::Node& node : graph.nodes)
            for (const std::string& output : node.outputs)
                if (!output.empty() && !graph.values[output].shape && may_be_scalar(node))
                    graph.values[output].shape.emplace();
    }
}

}  // namespace whence::runtime
