#include "whence/graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "whence/core/error.h"

namespace whence::graph {
namespace {

template <class T>
const T* attribute(const Node& node, const std::string& key) {
    const auto found = node.attributes.find(key);
    if (found == node.attributes.end()) return nullptr;
    if (const T* value = std::get_if<T>(&found->second)) return value;
    throw Error(ErrorKind::model,
                fmt::format("{}: attribute '{}' has the wrong type", node.describe(), printable(key)));
}

// Everything a node reads: its inputs and what its subgraphs capture.
template <class Visit>
void for_each_use(const Node& node, Visit visit) {
    for (const std::string& input : node.inputs)
        if (!input.empty()) visit(input);
    for (const std::string& capture : node.captures) visit(capture);
}

std::unordered_set<std::string> sources(const Graph& graph) {
    std::unordered_set<std::string> names;
    for (const ValueInfo& input : graph.inputs) names.insert(input.name);
    for (const auto& [name, value] : graph.initializers) names.insert(name);
    for (const auto& [name, value] : graph.opaque_initializers) names.insert(name);
    return names;
}

}  // namespace

int64_t Node::integer(const std::string& key, int64_t otherwise) const {
    const auto* value = attribute<int64_t>(*this, key);
    return value ? *value : otherwise;
}
float Node::number(const std::string& key, float otherwise) const {
    const auto* value = attribute<float>(*this, key);
    return value ? *value : otherwise;
}
std::string Node::text(const std::string& key, const std::string& otherwise) const {
    const auto* value = attribute<std::string>(*this, key);
    return value ? *value : otherwise;
}
std::vector<int64_t> Node::integers(const std::string& key) const {
    const auto* value = attribute<std::vector<int64_t>>(*this, key);
    return value ? *value : std::vector<int64_t>{};
}

std::string Node::describe() const {
    std::string output;
    for (const std::string& candidate : outputs)
        if (output.empty()) output = candidate;
    return fmt::format("{}{}{} node '{}' (output '{}')", printable(domain), domain.empty() ? "" : ".",
                       printable(op), printable(name), printable(output));
}

Shape ValueInfo::lengths() const {
    Shape out;
    if (shape)
        for (const Dimension& dimension : *shape) out.push_back(dimension.length);
    return out;
}

int64_t Graph::opset() const {
    const auto found = opsets.find("");
    return found == opsets.end() ? 0 : found->second;
}

const Node* Graph::producer(std::string_view tensor) const {
    for (const Node& node : nodes)
        if (std::ranges::find(node.outputs, tensor) != node.outputs.end()) return &node;
    return nullptr;
}

const ValueInfo* Graph::find_input(std::string_view tensor) const {
    const auto found = std::ranges::find(inputs, tensor, &ValueInfo::name);
    return found == inputs.end() ? nullptr : &*found;
}

ValueInfo Graph::value(const std::string& tensor) const {
    if (const Tensor* known = constant(tensor)) {
        ValueInfo info{.name = tensor, .type = known->type(), .shape = std::vector<Dimension>{}};
        for (const int64_t length : known->shape()) info.shape->push_back({length, ""});
        return info;
    }
    if (const auto found = values.find(tensor); found != values.end()) return found->second;
    if (const ValueInfo* input = find_input(tensor)) return *input;
    const auto output = std::ranges::find(outputs, tensor, &ValueInfo::name);
    return output == outputs.end() ? ValueInfo{.name = tensor} : *output;
}

const Tensor* Graph::constant(const std::string& tensor) const {
    const auto found = initializers.find(tensor);
    return found == initializers.end() ? nullptr : found->second.get();
}

bool Graph::contains(std::string_view tensor) const {
    const std::string key(tensor);
    return find_input(tensor) || initializers.count(key) || opaque_initializers.count(key) ||
           producer(tensor);
}

std::string Graph::fresh(const std::string& stem) {
    // Names of nodes are taken into account as the graph grows; those of inputs and constants each
    // time, because they are few or looked up by key.
    for (; indexed_nodes_ < nodes.size(); ++indexed_nodes_)
        for (const std::string& output : nodes[indexed_nodes_].outputs) taken_.insert(output);
    while (true) {
        std::string candidate = scope + stem + "_" + std::to_string(next_[stem]++);
        if (!taken_.count(candidate) && !find_input(candidate) && !initializers.count(candidate) &&
            !opaque_initializers.count(candidate)) {
            taken_.insert(candidate);
            return candidate;
        }
    }
}

void verify(const Graph& graph) {
    std::unordered_set<std::string> defined = sources(graph);
    if (defined.size() != graph.inputs.size() + graph.initializers.size() + graph.opaque_initializers.size())
        throw Error(ErrorKind::model, "two inputs or constants of the model have the same name");
    // ONNX writes "" for what is left out.
    if (defined.count("")) throw Error(ErrorKind::model, "an input of the model has no name");
    for (const Node& node : graph.nodes) {
        for_each_use(node, [&](const std::string& used) {
            if (!defined.count(used))
                throw Error(ErrorKind::model,
                            fmt::format("{} uses '{}', which nothing before it defines",
                                        node.describe(), printable(used)));
        });
        for (const std::string& output : node.outputs)
            if (!output.empty() && !defined.insert(output).second)
                throw Error(ErrorKind::model, fmt::format("{} defines '{}' a second time",
                                                          node.describe(), printable(output)));
    }
    for (const ValueInfo& output : graph.outputs)
        if (!defined.count(output.name))
            throw Error(ErrorKind::model,
                        fmt::format("output '{}' is not defined by any node", printable(output.name)));
}

void sort_nodes(Graph& graph, const std::vector<std::string>& around) {
    std::unordered_set<std::string> ready = sources(graph);
    ready.insert(around.begin(), around.end());
    std::unordered_map<std::string, std::vector<size_t>> waiting;
    std::vector<size_t> missing(graph.nodes.size(), 0);
    std::set<size_t> runnable;  // ordered: keeps the file's order where it may
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        for_each_use(graph.nodes[i], [&](const std::string& used) {
            if (ready.count(used)) return;
            waiting[used].push_back(i);
            ++missing[i];
        });
        if (missing[i] == 0) runnable.insert(i);
    }
    std::vector<size_t> order;
    order.reserve(graph.nodes.size());
    while (!runnable.empty()) {
        const size_t i = *runnable.begin();
        runnable.erase(runnable.begin());
        order.push_back(i);
        for (const std::string& output : graph.nodes[i].outputs) {
            const auto found = waiting.find(output);
            if (output.empty() || found == waiting.end()) continue;
            for (const size_t user : found->second)
                if (--missing[user] == 0) runnable.insert(user);
            waiting.erase(found);
        }
    }
    if (order.size() != graph.nodes.size()) {
        size_t stuck = 0;
        while (missing[stuck] == 0) ++stuck;
        throw Error(ErrorKind::model, graph.nodes[stuck].describe() +
                                          " can never run: an input is undefined or depends on it");
    }
    std::vector<Node> sorted;
    sorted.reserve(order.size());
    for (const size_t i : order) sorted.push_back(std::move(graph.nodes[i]));
    graph.nodes = std::move(sorted);
}

void remove_unused(Graph& graph) {
    std::unordered_set<std::string> needed;
    for (const ValueInfo& output : graph.outputs) needed.insert(output.name);
    std::vector<Node> kept;
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
        const bool used = std::ranges::any_of(node->outputs, [&](const std::string& output) {
            return !output.empty() && needed.count(output);
        });
        if (!used) continue;
        for_each_use(*node, [&](const std::string& name) { needed.insert(name); });
        kept.push_back(std::move(*node));
    }
    std::ranges::reverse(kept);
    graph.nodes = std::move(kept);
    std::erase_if(graph.initializers, [&](const auto& entry) { return !needed.count(entry.first); });
    std::erase_if(graph.opaque_initializers, [&](const auto& entry) { return !needed.count(entry.first); });
}

}  // namespace whence::graph
