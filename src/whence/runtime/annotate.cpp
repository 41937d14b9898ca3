#include "whence/runtime/annotate.h"

#include <algorithm>
#include <set>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/graph/body.h"
#include "whence/graph/passes/passes.h"
#include "whence/runtime/gradient_graph.h"
#include "whence/runtime/session.h"

namespace whence::runtime {
namespace {

constexpr uint32_t made_up_stream = 0x3A4E;
constexpr int64_t most_made_up = int64_t{1} << 27;  // elements of one input

constexpr const char* one = "whence/one";

// On made-up values a Loop might never end: it makes one step, which tells ranks.
void shorten_loops(graph::Graph& graph) {
    for (graph::Node& node : graph.nodes) {
        if (node.is("Loop") && !node.inputs.empty()) node.inputs[0] = one;
        for (const auto& [key, body] : graph::bodies(node)) {
            graph::Graph shortened = *body;
            shorten_loops(shortened);
            graph::set_body(node, key, std::move(shortened));
        }
    }
}

// A graph whose outputs are all its tensors.
graph::Graph with_all_outputs(const graph::Graph& graph) {
    graph::Graph all = graph;
    all.initializers[one] = std::make_shared<const Tensor>(Tensor::of<int64_t>({}, std::vector<int64_t>{1}));
    shorten_loops(all);
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

// Operators whose values decide how long their results are.
bool decides_lengths(const graph::Node& node) {
    return node.is("NonZero") || node.is("NonMaxSuppression") || node.is("Unique") || node.is("Compress") || !graph::bodies(node).empty();
}

// Whether all lengths but that of the batch are known, and follow from shapes alone. Integers may state
// lengths (starts of a Slice), and ours are made up.
bool only_rows_vary(const graph::Graph& graph) {
    return std::ranges::none_of(graph.nodes, decides_lengths) && std::ranges::all_of(graph.inputs, [](const graph::ValueInfo& input) {
        if (input.name == index_input || input.name == minus_input) return true;  // classes: no length follows
        const Shape lengths = input.lengths();
        const bool number = input.type == ElementType::float32 || input.type == ElementType::float64;
        return number && !lengths.empty() && std::none_of(lengths.begin() + 1, lengths.end(), [](int64_t l) { return l < 0; });
    });
}

// A length at two and at three rows: fixed, a multiple of the rows (named by its factor, so that equal
// lengths are known to be equal), or neither.
graph::Dimension measured(int64_t two, int64_t three) {
    if (two == three) return {two, ""};
    const int64_t factor = three - two;
    return {-1, two == 2 * factor ? "whence/rows*" + std::to_string(factor) : ""};
}

void measure_shapes(graph::Graph& graph, const graph::Graph& all, const Session& session, bool follows_rows, const Run& run) {
    const std::vector<Tensor> two = values_for(graph, session, 2, run), three = values_for(graph, session, 3, run);
    for (size_t i = 0; i < two.size(); ++i) {
        graph::ValueInfo& info = graph.values[all.outputs[i].name];
        const Shape &a = two[i].shape(), &b = three[i].shape();
        if (a.size() != b.size() || (info.shape && (!follows_rows || info.shape->size() != a.size()))) continue;
        info.shape.emplace();
        for (size_t d = 0; d < a.size(); ++d)
            info.shape->push_back(follows_rows ? measured(a[d], b[d]) : graph::Dimension{});
    }
    if (!follows_rows) return;
    for (graph::ValueInfo input : graph.inputs) {
        if (input.shape && !input.shape->empty() && (*input.shape)[0].length < 0) (*input.shape)[0] = measured(2, 3);
        graph.values[input.name] = std::move(input);
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

namespace {

// What a run on made-up rows may tell: lengths, where the first axis of every input is the batch, else ranks.
enum class Measure { lengths, ranks };

void annotate(graph::Graph& graph, const Run& run, Measure measure) {
    const graph::Graph all = with_all_outputs(graph);
    const Session session(all, {.threads = 1, .optimise = false, .inside = 0});
    std::set<std::string> names_of_inputs;
    for (const graph::ValueInfo& input : graph.inputs)
        if (input.shape)
            for (const graph::Dimension& dimension : *input.shape)
                if (!dimension.symbol.empty()) names_of_inputs.insert(dimension.symbol);
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
            // Lengths without a name could be anybody's.
            if (info.shape)
                for (const graph::Dimension& dimension : *info.shape)
                    unknown = unknown || (dimension.length < 0 && !names_of_inputs.count(dimension.symbol));
            graph.values[output] = std::move(info);
        }
    const auto has_rank = [](const graph::ValueInfo& input) { return input.shape.has_value(); };
    if (!unknown || !std::ranges::all_of(graph.inputs, has_rank)) return;
    try {
        measure_shapes(graph, all, session, measure == Measure::lengths && only_rows_vary(graph), run);
    } catch (const Error&) {
        run.check();
        // The made-up input did not run. What may be a scalar is taken for one, unless the rank is unknown for
        // another reason: a body; the rest stays unknown and a rule that needs it says so.
        if (measure == Measure::ranks || std::ranges::any_of(graph.nodes, [](const graph::Node& node) { return !graph::bodies(node).empty(); }))
            return;
        for (const graph::Node& node : graph.nodes)
            for (const std::string& output : node.outputs)
                if (!output.empty() && !graph.values[output].shape && may_be_scalar(node))
                    graph.values[output].shape.emplace();
    }
}

// A body that does not run alone (it reads a sequence, say) stays unknown, and a rule that needs more says so.
void annotate_bodies(graph::Graph& graph, const Run& run) {
    graph::rewrite_bodies(graph, [&](graph::Graph& body) {
        try {
            annotate(body, run, Measure::ranks);
        } catch (const Error&) {
            run.check();
            return;
        }
        annotate_bodies(body, run);
    });
}

}  // namespace

void annotate(graph::Graph& graph, const Run& run) {
    annotate(graph, run, Measure::lengths);
    annotate_bodies(graph, run);
}

graph::Graph canonical(graph::Graph graph, const Run& run) {
    annotate(graph, run);
    graph::upgrade_opset(graph);
    annotate(graph, run);
    while (graph::unroll(graph)) annotate(graph, run);
    if (graph::expand_operators(graph)) annotate(graph, run);
    return graph;
}

}  // namespace whence::runtime
