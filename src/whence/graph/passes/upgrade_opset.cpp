#include <algorithm>
#include <cmath>
#include <functional>

#include "whence/core/error.h"
#include "whence/graph/body.h"
#include "whence/graph/builder.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

constexpr int64_t oldest = 7, canonical = 18;

// Rewrites one node; nodes it needs before itself go through the builder.
struct Upgrade {
    Graph& graph;
    Builder& builder;
    int64_t from;
    Node& node;

    // The file is not checked yet: a node may lack what its operator needs.
    void needs(bool given) const {
        if (!given) throw Error(ErrorKind::model, node.describe() + " lacks an input, an output or an attribute");
    }
    // Moves an attribute of integers to input `position`.
    void to_input(const char* key, size_t position) {
        if (!node.has(key)) return;
        set_input(position, builder.ints(node.integers(key)));
        node.attributes.erase(key);
    }
    void set_input(size_t position, const std::string& name) {
        if (node.inputs.size() <= position) node.inputs.resize(position + 1);
        node.inputs[position] = name;
    }
    [[nodiscard]] ElementType type() const {
        return graph.value(node.inputs[0]).type.value_or(ElementType::float32);
    }
    void number_to_input(const char* key, size_t position) {
        if (!node.has(key)) return;
        set_input(position, builder.scalar(node.number(key, 0), type()));
        node.attributes.erase(key);
    }
};

void axes_to_input(Upgrade& u) { u.to_input("axes", 1); }

void pad(Upgrade& u) {
    if (u.from >= 11) return;
    u.to_input("pads", 1);
    u.number_to_input("value", 2);
}

void clip(Upgrade& u) {
    if (u.from >= 11) return;
    u.number_to_input("min", 1);
    u.number_to_input("max", 2);
}

void slice(Upgrade& u) {
    if (u.from >= 10) return;
    u.to_input("starts", 1);
    u.to_input("ends", 2);
    u.to_input("axes", 3);
}

void top_k(Upgrade& u) {
    if (u.from >= 10) return;
    u.set_input(1, u.builder.ints({u.node.integer("k", 1)}));
    u.node.attributes.erase("k");
}

void split(Upgrade& u) {
    u.to_input("split", 1);
    if (!u.node.has_input(1) && !u.node.has("num_outputs"))
        u.node.attributes["num_outputs"] = static_cast<int64_t>(u.node.outputs.size());
}

// Before opset 13 the axes from `axis` on were flattened into one.
void softmax(Upgrade& u) {
    if (u.from >= 13) return;
    const int64_t axis = u.node.integer("axis", 1);
    u.node.attributes["axis"] = int64_t{-1};
    const auto shape = u.graph.value(u.node.inputs[0]).shape;
    if (shape && (axis == static_cast<int64_t>(shape->size()) - 1 || axis == -1)) return;
    const std::string original = u.node.inputs[0], result = u.node.outputs[0];
    u.node.inputs[0] = u.builder.node("Flatten", {original}, {{"axis", axis}});
    u.node.outputs[0] = u.graph.fresh("whence/" + u.node.op);
    Node flat = u.node;
    u.graph.nodes.push_back(flat);
    u.node = Node{.op = "Reshape",
                  .name = flat.name,
                  .inputs = {flat.outputs[0], u.builder.shape(original)},
                  .outputs = {result},
                  .attributes = {{"allowzero", int64_t{1}}}};
}

// Whether the node may drop elements when the model runs. Opset 12 made that an input.
bool trains(const Upgrade& u) {
    if (!u.node.has_input(2)) return false;
    const Tensor* training = u.graph.constant(u.node.inputs[2]);
    return !training || training->size() != 1 || training->to_doubles()[0] != 0;
}

void dropout(Upgrade& u) {
    if (trains(u)) return;
    u.node.attributes.clear();  // ratio, seed: of no meaning at inference
    if (u.node.outputs.size() > 1 && !u.node.outputs[1].empty()) {
        if (u.from < 10) throw Error(ErrorKind::unsupported, "the mask of a " + u.node.describe() + " is used");
        return;  // the operator itself makes the mask: all true
    }
    u.node.op = "Identity";
    u.node.inputs.resize(1);
    u.node.outputs.resize(1);
}

void batch_normalization(Upgrade& u) {
    for (const char* key : {"spatial", "is_test", "consumed_inputs", "momentum"}) u.node.attributes.erase(key);
    u.node.outputs.resize(1);
}

void upsample(Upgrade& u) {
    u.node.op = "Resize";
    if (u.node.has("scales")) {
        u.needs(std::holds_alternative<std::vector<float>>(u.node.attributes["scales"]));
        const auto& scales = std::get<std::vector<float>>(u.node.attributes["scales"]);
        u.set_input(1, u.builder.constant(Tensor::of<float>({static_cast<int64_t>(scales.size())}, scales)));
        u.node.attributes.erase("scales");
    }
    u.needs(u.node.has_input(1));
    u.node.inputs = {u.node.inputs[0], "", u.node.inputs[1]};
    u.node.attributes["coordinate_transformation_mode"] = std::string("asymmetric");
    u.node.attributes["nearest_mode"] = std::string("floor");
    if (u.node.text("mode", "nearest") == "bilinear") u.node.attributes["mode"] = std::string("linear");
}

void resize(Upgrade& u) {
    if (u.from == 10) upsample(u);
}

void scatter(Upgrade& u) { u.node.op = "ScatterElements"; }

struct Row {
    const char* op;
    int64_t before;  // applies to graphs older than this opset
    void (*rewrite)(Upgrade&);
};
constexpr Row rewrites[] = {
    {"ReduceSum", 13, axes_to_input},       {"Squeeze", 13, axes_to_input},
    {"Unsqueeze", 13, axes_to_input},       {"ReduceMean", 18, axes_to_input},
    {"ReduceMax", 18, axes_to_input},       {"ReduceMin", 18, axes_to_input},
    {"ReduceProd", 18, axes_to_input},      {"ReduceL1", 18, axes_to_input},
    {"ReduceL2", 18, axes_to_input},        {"ReduceLogSum", 18, axes_to_input},
    {"ReduceLogSumExp", 18, axes_to_input}, {"ReduceSumSquare", 18, axes_to_input},
    {"Pad", 11, pad},                       {"Clip", 11, clip},
    {"Slice", 10, slice},                   {"TopK", 10, top_k},
    {"Split", 18, split},                   {"Softmax", 13, softmax},
    {"LogSoftmax", 13, softmax},            {"Hardmax", 13, softmax},
    {"BatchNormalization", 14, batch_normalization},
    {"Upsample", 18, upsample},             {"Resize", 11, resize},
    {"Scatter", 11, scatter}};

std::set<std::string> names_in_use(const Graph& graph, const std::vector<Node>& nodes) {
    std::set<std::string> used;
    for (const Node& node : nodes) {
        used.insert(node.inputs.begin(), node.inputs.end());
        used.insert(node.captures.begin(), node.captures.end());
    }
    for (const ValueInfo& output : graph.outputs) used.insert(output.name);
    used.erase("");
    return used;
}

bool makes(std::span<const Node> nodes, const std::string& name) {
    return std::ranges::any_of(nodes, [&](const Node& node) {
        return std::ranges::find(node.outputs, name) != node.outputs.end();
    });
}

}  // namespace

void upgrade_opset(Graph& graph) {
    const int64_t from = graph.opset();
    if (from < oldest)
        throw Error(ErrorKind::unsupported,
                    "gradients need operator set 7 or newer; this model has " + std::to_string(from));
    rewrite_bodies(graph, upgrade_opset);
    std::vector<Node> nodes = std::move(graph.nodes);
    // The names of nodes that are out of the graph while it is rebuilt stay taken through `values`.
    std::set<std::string> taken;
    for (const Node& node : nodes) taken.insert(node.outputs.begin(), node.outputs.end());
    const std::set<std::string> used = names_in_use(graph, nodes);
    graph.nodes.clear();
    Builder builder(graph);
    for (Node& node : nodes) {
        if (node.is("Scan") && from < 9)
            throw Error(ErrorKind::unsupported, node.describe() + " is of operator set 8, which scans each row for itself");
        const std::vector<std::string> outputs = node.outputs;
        const size_t first = graph.nodes.size();
        Upgrade upgrade{graph, builder, from, node};
        if (node.is("Dropout")) {
            upgrade.needs(node.has_input(0) && !node.outputs.empty());
            dropout(upgrade);
        }
        if (node.domain.empty())
            for (const Row& row : rewrites)
                if (node.op == row.op && from < row.before) {
                    upgrade.needs(node.has_input(0) && !node.outputs.empty());
                    row.rewrite(upgrade);
                    break;
                }
        graph.nodes.push_back(std::move(node));
        for (const std::string& output : outputs)
            if (used.count(output) && !makes(std::span(graph.nodes).subspan(first), output))
                throw Error(ErrorKind::unsupported, "output '" + printable(output) + "' of " + graph.nodes.back().describe() +
                                                        " is used, and newer operator sets have it no more");
    }
    graph.opsets[""] = std::max(from, canonical);
}

}  // namespace whence::graph
