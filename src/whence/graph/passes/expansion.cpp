#include "whence/graph/passes/expansion.h"

#include <algorithm>
#include <utility>

#include "whence/core/error.h"

namespace whence::graph {
namespace {

// The last node made takes the output's name, if it is the one that computes it and nothing else; else a copy
// does.
void name_output(Graph& graph, const std::string& made, const std::string& output, bool once) {
    Node* last = graph.nodes.empty() ? nullptr : &graph.nodes.back();
    if (once && last && last->outputs.size() == 1 && last->outputs[0] == made)
        last->outputs[0] = output;
    else
        graph.nodes.push_back(
            {.op = "Identity", .name = output, .inputs = {made}, .outputs = {output}});
}

}  // namespace

const std::string& Expansion::x(size_t i) const {
    if (!node.has_input(i)) throw Error(ErrorKind::model, node.describe() + " lacks an input");
    return node.inputs[i];
}

ElementType Expansion::type() const {
    return computes ? *computes : b.graph().value(x()).type.value_or(ElementType::float32);
}

int64_t Expansion::rank(const std::string& tensor) const {
    const auto shape = b.graph().value(tensor).shape;
    if (!shape) refuse("the rank of '" + printable(tensor) + "' is not known");
    return static_cast<int64_t>(shape->size());
}

std::vector<int64_t> Expansion::axes_from(int64_t axis) const {
    std::vector<int64_t> axes;
    const int64_t all = rank(x());
    if (axis < -all || axis >= all)
        throw Error(ErrorKind::model, node.describe() + " has an axis that does not exist");
    for (int64_t i = axis < 0 ? axis + all : axis; i < all; ++i) axes.push_back(i);
    return axes;
}

std::string Expansion::per_channel(const std::string& vector, int64_t rank) const {
    std::vector<int64_t> shape(std::max<int64_t>(rank - 1, 1), 1);
    shape[0] = -1;
    return b.reshape(vector, b.ints(shape));
}

std::string Expansion::inverse_root(const std::string& t, double epsilon) const {
    return b.node("Reciprocal", {b.node("Sqrt", {b.add(t, scalar(epsilon))})});
}

Standardised Expansion::standardised(const std::string& t, const std::vector<int64_t>& axes,
                                     double epsilon) const {
    const std::string mean = b.reduce_mean(t, axes, true), centred = b.sub(t, mean);
    const std::string inverse =
        inverse_root(b.reduce_mean(b.mul(centred, centred), axes, true), epsilon);
    return {b.mul(centred, inverse), mean, inverse};
}

void Expansion::refuse(const std::string& why) const { throw Error(ErrorKind::unsupported, why); }

bool expand_nodes(Graph& graph, const std::function<Expand(const Graph&, const Node&)>& find) {
    if (std::ranges::none_of(graph.nodes,
                             [&](const Node& node) { return find(graph, node) != nullptr; }))
        return false;
    // Names of nodes that are out of the graph while it is rebuilt stay taken.
    static_cast<void>(graph.fresh("whence/expansion"));
    const std::vector<Node> nodes = std::exchange(graph.nodes, {});
    Builder builder(graph);
    for (const Node& node : nodes) {
        const Expand expand = find(graph, node);
        if (!expand) {
            graph.nodes.push_back(node);
            continue;
        }
        // A form that cannot be written so stays: that is an error only where a gradient must pass
        // it.
        const size_t before = graph.nodes.size();
        std::vector<std::string> made;
        try {
            made = expand({builder, node});
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unsupported) throw;
            graph.nodes.resize(before);
            graph.nodes.push_back(node);
            graph.nodes.back().obstacle = error.what();
            continue;
        }
        for (size_t i = 0; i < node.outputs.size() && i < made.size(); ++i)
            if (!node.outputs[i].empty() && !made[i].empty())
                name_output(graph, made[i], node.outputs[i], std::ranges::count(made, made[i]) == 1);
    }
    verify(graph);
    return true;
}

}  // namespace whence::graph
