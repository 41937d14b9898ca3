// Writes gradient graphs for tests/python/test_gradient_rules.py, which checks them against finite
// differences.
//
//     gradient_tool         reads lines "IN.onnx OUT.onnx OF WRT[,WRT...] [deep-lift|twice]", answers "ok" or
//                           "error KIND message"; "IN.onnx OUT.onnx" only reads the model and writes it again
//     gradient_tool --list  prints the operators with a rule
//     gradient_tool --document  prints docs/operators.md
//
// OUT.onnx has one more input, `seed`, of the type and shape of OF; its outputs are OF, then the
// gradients of sum(seed * OF). With deep-lift WRT are compared with further inputs whence/reference/WRT, and
// the multipliers are followed by OF for the reference; with twice the gradients by those of sum(direction * gradient
// of the first WRT), `direction` one more input.

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "whence/core/error.h"
#include "whence/core/run.h"
#include "whence/graph/builder.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/io.h"
#include "whence/graph/passes/passes.h"
#include "whence/runtime/annotate.h"

namespace whence {
namespace {

std::vector<std::string> split_at_commas(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
    return parts;
}

// As OnnxModel prepares a graph before it differentiates.
graph::Graph prepared(const std::string& path, const std::set<std::string>& keep) {
    graph::Graph graph = graph::read_model(path);
    graph::fold_constants(graph);
    graph = runtime::canonical(std::move(graph), Run{});
    graph::fold_batch_normalization(graph, keep);
    return graph;
}

graph::Reference reference_of(graph::Graph& graph, const std::vector<std::string>& wrt) {
    if (graph::split_for_multipliers(graph)) runtime::annotate(graph, Run{});
    return graph::add_reference(graph, wrt);
}

// Where the gradient depends on nothing it is the same everywhere: its derivative is zero.
void add_second(graph::Graph& graph, const std::string& gradient, const std::vector<std::string>& wrt) {
    runtime::annotate(graph, Run{});
    graph::ValueInfo direction = graph.value(wrt[0]);
    direction.name = "direction";
    graph.inputs.push_back(direction);
    const std::vector<std::string> seconds = graph::add_gradients(graph, gradient, "direction", wrt);
    graph::Builder b(graph);
    for (size_t i = 0; i < wrt.size(); ++i) {
        const std::string zeros = b.mul(wrt[i], b.scalar(0, graph.value(wrt[i]).type.value_or(ElementType::float32)));
        graph.outputs.push_back({.name = b.node("Identity", {seconds[i].empty() ? zeros : seconds[i]})});
    }
}

void write_gradient(const std::string& in, const std::string& out, const std::string& of,
                    const std::vector<std::string>& wrt, Rules rules, bool twice) {
    std::set<std::string> keep(wrt.begin(), wrt.end());
    keep.insert(of);
    graph::Graph graph = prepared(in, keep);
    const bool compares = rules == Rules::deep_lift;
    const graph::Reference reference = compares ? reference_of(graph, wrt) : graph::Reference{};
    graph::ValueInfo seed = graph.value(of);
    seed.name = "seed";
    seed.type = seed.type.value_or(ElementType::float32);
    const auto declared = std::ranges::find(graph.outputs, of, &graph::ValueInfo::name);
    if (twice && declared != graph.outputs.end() && declared->shape) seed.shape = declared->shape;
    if (!twice) seed.shape.reset();  // whatever OF turns out to have
    graph.inputs.push_back(seed);
    const std::vector<std::string> gradients =
        graph::add_gradients(graph, of, "seed", wrt, {rules, compares ? &reference : nullptr, twice});
    graph::Builder b(graph);
    graph.outputs = {{.name = b.node("Identity", {of})}};
    for (size_t i = 0; i < wrt.size(); ++i) {
        if (gradients[i].empty()) throw Error(ErrorKind::unsupported, fmt::format("'{}' does not lead to '{}'", wrt[i], of));
        graph.outputs.push_back({.name = b.node("Identity", {gradients[i]})});
    }
    if (twice) add_second(graph, gradients[0], wrt);
    if (compares) graph.outputs.push_back({.name = b.node("Identity", {reference.of(of)})});
    graph::remove_unused(graph);
    graph::verify(graph);
    std::ofstream(out, std::ios::binary) << graph::serialize(graph);
}

std::string answer(const std::string& line) {
    std::istringstream words(line);
    std::string in, out, of, wrt, rules;
    words >> in >> out >> of >> wrt >> rules;
    try {
        if (of.empty()) std::ofstream(out, std::ios::binary) << graph::serialize(graph::read_model(in));
        else write_gradient(in, out, of, split_at_commas(wrt), rules == "deep-lift" ? Rules::deep_lift : Rules::gradient, rules == "twice");
        return "ok";
    } catch (const Error& error) {
        return fmt::format("error {} {}", name(error.kind()), error.what());
    }
}

void print_document() {
    std::cout << R"(# Operators that have a gradient

The gradient of an ONNX graph is an ONNX graph, made by one rule for each operator of `ai.onnx`. Made from the table of
rules by `gradient_tool --document`; `tests/python/test_gradient_rules.py` compares this page with the table, and every
rule with finite differences.

Operator sets 7 to 17 are read too: their forms (also `Upsample` and `Scatter`) are rewritten in those of 18. An operator
that is in neither list, or in another domain, is an error that names it, but only where it lies between the output and the
tensor asked for. Refused with a reason: training mode (`Dropout`, `BatchNormalization`), column-major `MaxPool`, `Attention`
with padded keys, a sliding window or its scores as an output, `com.microsoft.Attention` and `com.microsoft.MultiHeadAttention`
with a past, packed inputs or masks that hold lengths, `LSTM`, `GRU` and `RNN` over sequences of unknown or different lengths,
and `Resize` with `keep_aspect_ratio_policy`.

Where several numbers are the largest or smallest, each gets an equal part: `Max`, `Min`, `ReduceMax`, `ReduceMin`,
`GlobalMaxPool`, reductions `max` and `min` of `ScatterElements` and `ScatterND`.

`If` whose condition is constant, and `Loop` and `Scan` whose number of steps is known, are written out as nodes while the
graph stays below 20 000 of them. Else their gradient holds that of their bodies: an `If` of the same condition, and a `Scan`
over the steps in reverse, for which the node runs once more and keeps its states (a `Loop` whose states change their shape is
refused). DeepLIFT passes what is written out. `Scan` of operator set 8 is refused.

`QuantizeLinear` followed by `DequantizeLinear` is passed straight through: slope 1 where it rounds, 0 where it clips.

## Differentiable

)" << fmt::format("`{}`", fmt::join(graph::differentiable_operators(), "`, `"))
              << "\n\n## Other rules\n\nGuided backpropagation and deconvolution change the rule of `Relu` and of nothing else: `LeakyRelu`, "
                 "`Clip` and smooth\nactivations keep their slopes.\n\nDeepLIFT multipliers add up to the change of the output "
                 "exactly (`tests/python/test_gradient_rules.py` checks every\noperator). Operators for which no exact split is known "
                 "are refused by name: "
              << fmt::format("`{}`", fmt::join(graph::operators_without_multiplier(), "`, `"))
              << ".\nSo are `Clip`, `PRelu` and `BatchNormalization` whose parameters follow the input, `GridSample` whose grid does, "
                 "`ScatterElements` and\n`ScatterND` with reductions `mul`, `max` and `min`, products of more than two in one\n`Einsum`, and inputs through which nothing is passed back (a computed condition of `Where`).\nA `Pow` "
                 "whose exponent is computed is split by logarithms: its base must be positive.\n"
              << "\n## Where the gradient stops\n\nTheir results are integers, truth values, or constant almost everywhere.\n\n"
              << fmt::format("`{}`", fmt::join(graph::stopping_operators(), "`, `")) << '\n';
}

}  // namespace
}  // namespace whence

int main(int argc, char** argv) {
    if (argc > 1 && std::string(argv[1]) == "--list") {
        for (const std::string& op : whence::graph::differentiable_operators()) std::cout << op << '\n';
        return 0;
    }
    if (argc > 1 && std::string(argv[1]) == "--document") {
        whence::print_document();
        return 0;
    }
    for (std::string line; std::getline(std::cin, line);) std::cout << whence::answer(line) << std::endl;
}
