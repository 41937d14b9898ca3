#include "whence/recipe/encoding.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "whence/graph/sources.h"

namespace whence::recipe {
namespace {

constexpr std::string_view ml = "ai.onnx.ml";

// Operators that only choose, join and shape, or rise with each number they read.
bool keeps_order(const graph::Node& node) {
    static const std::set<std::string_view> plain = {
        "Identity", "Concat", "Reshape", "Flatten", "Squeeze",   "Unsqueeze", "Split",
        "Slice",    "Gather", "Relu",    "Sigmoid", "Tanh",      "Exp",       "Floor",
        "Ceil",     "Round",  "Neg",     "Clip",    "Transpose", "Elu",       "Softplus"};
    static const std::set<std::string_view> of_ml = {"Scaler", "FeatureVectorizer",
                                                     "ArrayFeatureExtractor", "Binarizer"};
    return (node.domain == ml ? of_ml : plain).contains(std::string_view(node.op));
}

bool by_constant(const graph::Graph& graph, const graph::Node& node) {
    const auto is_constant = [&](size_t i) {
        return i < node.inputs.size() && graph.constant(node.inputs[i]);
    };
    if (node.is("Div")) return is_constant(1);
    const bool known =
        node.is("Add") || node.is("Sub") || node.is("Mul") || node.is("Min") || node.is("Max");
    return known && node.inputs.size() == 2 && (is_constant(0) || is_constant(1));
}

// ONNX: TensorProto.DataType.
bool casts_to(const graph::Node& node, std::initializer_list<int64_t> types) {
    return node.is("Cast") && std::ranges::find(types, node.integer("to", 0)) != types.end();
}

void follow(const graph::Graph& graph, const graph::Node& node, Encoding& encoding) {
    const bool imputes = node.domain == ml && node.op == "Imputer" &&
                         node.has("imputed_value_floats") &&
                         std::isnan(node.number("replaced_value_float", 0));
    if (node.domain == ml && node.op == "OneHotEncoder") {
        const std::vector<int64_t> numbers = node.integers("cats_int64s");
        if (!numbers.empty() && encoding.kind != Encoding::Kind::other) {
            encoding.kind = Encoding::Kind::one_hot;
            encoding.categories.insert(encoding.categories.end(), numbers.begin(), numbers.end());
            return;
        }
    }
    if (casts_to(node, {7})) encoding.whole = true;
    if (keeps_order(node) || by_constant(graph, node) || casts_to(node, {1, 7, 11}) || imputes)
        return;
    if (encoding.kind == Encoding::Kind::other) return;
    encoding.kind = Encoding::Kind::other;
    encoding.by = node.describe();
}

}  // namespace

std::vector<Encoding> encodings_of(const graph::Graph& graph, const std::string& tensor,
                                   int64_t columns) {
    std::vector<Encoding> out(static_cast<size_t>(columns));
    std::set<std::string> needed = {tensor};
    std::vector<const graph::Node*> before;
    for (size_t i = graph.nodes.size(); i-- > 0;) {
        const graph::Node& node = graph.nodes[i];
        if (std::ranges::none_of(node.outputs,
                                 [&](const std::string& name) { return needed.contains(name); }))
            continue;
        needed.insert(node.inputs.begin(), node.inputs.end());
        before.push_back(&node);
    }
    for (size_t i = before.size(); i-- > 0;) {
        std::set<int64_t> touched;
        for (const std::string& output : before[i]->outputs)
            for (const graph::Sources& one : graph::sources_of(graph, output, columns))
                touched.insert(one.columns.begin(), one.columns.end());
        for (const int64_t column : touched) follow(graph, *before[i], out[column]);
    }
    return out;
}

}  // namespace whence::recipe
