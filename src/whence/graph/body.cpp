#include "whence/graph/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "whence/core/error.h"

namespace whence::graph {
namespace {

std::unordered_set<std::string> defined_in(const Graph& body) {
    std::unordered_set<std::string> own;
    for (const ValueInfo& input : body.inputs) own.insert(input.name);
    for (const auto& [name, value] : body.initializers) own.insert(name);
    for (const auto& [name, value] : body.opaque_initializers) own.insert(name);
    for (const Node& node : body.nodes) own.insert(node.outputs.begin(), node.outputs.end());
    return own;
}

// What a body hides, it calls by its own name.
Graph renamed(const Graph& body, Names names) {
    for (const std::string& own : defined_in(body)) names.erase(own);
    Graph made = body;
    for (Node& node : made.nodes) {
        for (std::string& input : node.inputs)
            if (const auto found = names.find(input); found != names.end()) input = found->second;
        rename_captured(node, names);
    }
    for (ValueInfo& output : made.outputs)
        if (const auto found = names.find(output.name); found != names.end()) output.name = found->second;
    return made;
}

// As the first step and the last one know it: so long are all of them.
ValueInfo common(const ValueInfo& first, const ValueInfo& last) {
    ValueInfo info = first;
    if (!first.shape || !last.shape || first.shape->size() != last.shape->size()) {
        info.shape.reset();
        return info;
    }
    for (size_t d = 0; d < first.shape->size(); ++d)
        if (!((*first.shape)[d] == (*last.shape)[d])) (*info.shape)[d] = {};
    return info;
}

ValueInfo without_axis(ValueInfo info, int64_t axis) {
    if (!info.shape) return info;
    const auto rank = static_cast<int64_t>(info.shape->size());
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) info.shape.reset();
    else info.shape->erase(info.shape->begin() + axis);
    return info;
}

// What is known of the body's own inputs. The first two of a Loop, number and condition, say it themselves.
void describe_inputs(const Graph& outer, const Node& node, Graph& body) {
    const auto describe = [&](size_t i, ValueInfo info) {
        info.name = body.inputs[i].name;
        body.inputs[i] = std::move(info);
    };
    const size_t count = std::min(body.inputs.size(), node.inputs.size());
    const auto slices = static_cast<size_t>(std::max<int64_t>(0, node.integer("num_scan_inputs", 0)));
    const std::vector<int64_t> axes = node.integers("scan_input_axes");
    const size_t states = node.is("Scan") && slices < count ? count - slices : node.is("Loop") ? count : 0;
    for (size_t i = node.is("Loop") ? 2 : 0; i < states; ++i) {
        const size_t output = node.is("Loop") ? i - 2 : i;
        const bool named = output < node.outputs.size() && !node.outputs[output].empty();
        const ValueInfo first = outer.value(node.inputs[i]);
        describe(i, common(first, named ? outer.value(node.outputs[output]) : ValueInfo{}));
    }
    for (size_t i = states; node.is("Scan") && i < count; ++i)
        describe(i, without_axis(outer.value(node.inputs[i]), i - states < axes.size() ? axes[i - states] : 0));
}

}  // namespace

std::vector<std::string> captured(const Graph& body) {
    std::set<std::string> used;
    for (const Node& node : body.nodes) {
        used.insert(node.inputs.begin(), node.inputs.end());
        used.insert(node.captures.begin(), node.captures.end());
    }
    for (const ValueInfo& output : body.outputs) used.insert(output.name);
    used.erase("");
    const auto own = defined_in(body);
    std::erase_if(used, [&](const std::string& name) { return own.count(name) != 0; });
    return {used.begin(), used.end()};
}

std::map<std::string, Body> bodies(const Node& node) {
    std::map<std::string, Body> all;
    for (const auto& [key, attribute] : node.attributes)
        if (const Body* body = std::get_if<Body>(&attribute)) all[key] = *body;
    return all;
}

void update_captures(Node& node) {
    std::set<std::string> all;
    for (const auto& [key, body] : bodies(node))
        for (std::string& name : captured(*body)) all.insert(std::move(name));
    node.captures.assign(all.begin(), all.end());
}

void set_body(Node& node, const std::string& key, Graph body) {
    node.attributes[key] = std::make_shared<const Graph>(std::move(body));
    update_captures(node);
}

const Graph& body_of(const Node& node, const std::string& key) {
    const auto found = node.attributes.find(key);
    const Body* body = found == node.attributes.end() ? nullptr : std::get_if<Body>(&found->second);
    if (!body) throw Error(ErrorKind::model, fmt::format("{} lacks its graph '{}'", node.describe(), key));
    return **body;
}

void rename_captured(Node& node, const Names& names) {
    if (std::ranges::none_of(node.captures, [&](const std::string& name) { return names.count(name) != 0; })) return;
    for (const auto& [key, body] : bodies(node)) node.attributes[key] = std::make_shared<const Graph>(renamed(*body, names));
    update_captures(node);
}

Graph lifted(const Graph& outer, const Node& node, const std::string& key) {
    Graph graph = body_of(node, key);
    const std::vector<std::string> from_outside = captured(graph);
    graph.opsets = outer.opsets;
    const auto named = std::ranges::find_if_not(node.outputs, &std::string::empty);
    graph.scope = outer.scope + (named == node.outputs.end() ? node.op : *named) + "/" + key + "/";
    describe_inputs(outer, node, graph);
    for (const std::string& name : from_outside) {
        if (const auto constant = outer.initializers.find(name); constant != outer.initializers.end()) {
            graph.initializers[name] = constant->second;
        } else if (const auto opaque = outer.opaque_initializers.find(name); opaque != outer.opaque_initializers.end()) {
            graph.opaque_initializers[name] = opaque->second;
        } else {
            graph.inputs.push_back(outer.value(name));
        }
    }
    for (const ValueInfo& input : graph.inputs) graph.values.erase(input.name);
    return graph;
}

Graph lowered(Graph graph, const Graph& outer, std::vector<ValueInfo> own) {
    std::erase_if(graph.initializers, [&](const auto& constant) {
        const auto found = outer.initializers.find(constant.first);
        return found != outer.initializers.end() && found->second == constant.second;
    });
    std::erase_if(graph.opaque_initializers, [&](const auto& constant) { return outer.opaque_initializers.count(constant.first) != 0; });
    graph.inputs = std::move(own);
    graph.opsets.clear();
    return graph;
}

void rewrite_bodies(Graph& graph, const std::function<void(Graph&)>& rewrite) {
    for (Node& node : graph.nodes)
        for (const auto& [key, body] : bodies(node)) {
            Graph alone = lifted(graph, node, key);
            rewrite(alone);
            set_body(node, key, lowered(std::move(alone), graph, body->inputs));
        }
}

}  // namespace whence::graph
