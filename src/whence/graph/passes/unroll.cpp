#include <algorithm>
#include <optional>
#include <unordered_map>

#include "whence/graph/body.h"
#include "whence/graph/passes/expansion.h"
#include "whence/graph/passes/passes.h"

namespace whence::graph {
namespace {

using Tensors = std::vector<std::string>;

constexpr size_t most_nodes = 20'000;

size_t nodes_in(const Graph& body) {
    size_t count = 1;  // an empty body has steps, too
    for (const Node& node : body.nodes) {
        ++count;
        for (const auto& [key, inner] : bodies(node)) count += nodes_in(*inner);
    }
    return count;
}

// The one value of a constant; none if it is computed.
std::optional<double> known(const Graph& graph, const std::string& name) {
    const Tensor* value = graph.constant(name);
    const Node* node = value ? nullptr : graph.producer(name);
    if (node && node->is("Constant"))
        if (const auto found = node->attributes.find("value"); found != node->attributes.end())
            if (const auto* held = std::get_if<Constant>(&found->second)) value = held->get();
    if (!value || value->size() != 1 || value->type() == ElementType::string) return std::nullopt;
    return value->to_doubles()[0];
}

// Whether a Loop goes on until all its steps are done: its condition is true, or what it was.
bool never_breaks(const Graph& graph, const Node& node, const Graph& body) {
    if (node.has_input(1) && known(graph, node.inputs[1]).value_or(0) == 0) return false;
    std::string condition = body.outputs[0].name;
    for (const Node* made = body.producer(condition); made && (made->is("Identity") || made->is("Cast")) && made->has_input(0);
         made = body.producer(condition))
        condition = made->inputs[0];
    return condition == body.inputs[1].name || known(body, condition).value_or(0) != 0 ||
           known(graph, condition).value_or(0) != 0;
}

// How many steps a Loop or Scan makes, if that is known and its inputs and outputs fit its body.
std::optional<int64_t> steps_of(const Graph& graph, const Node& node) {
    const Graph& body = body_of(node, "body");
    const size_t inputs = node.inputs.size();
    if (node.is("Loop")) {
        const bool fits = inputs >= 2 && body.inputs.size() == inputs && body.outputs.size() >= inputs - 1 &&
                          node.outputs.size() <= body.outputs.size() - 1;
        if (!fits || !node.has_input(0) || !never_breaks(graph, node, body)) return std::nullopt;
        const auto steps = known(graph, node.inputs[0]);
        const bool makes_slices = body.outputs.size() >= inputs;
        if (!steps || *steps > most_nodes || (*steps < 1 && makes_slices)) return std::nullopt;
        return static_cast<int64_t>(std::max(*steps, 0.0));
    }
    const int64_t slices = node.integer("num_scan_inputs", 0);
    if (slices < 1 || static_cast<size_t>(slices) > inputs || body.inputs.size() != inputs ||
        body.outputs.size() < inputs - slices || node.outputs.size() > body.outputs.size())
        return std::nullopt;
    const Shape shape = graph.value(node.inputs[inputs - slices]).lengths();
    const std::vector<int64_t> axes = node.integers("scan_input_axes");
    const auto rank = static_cast<int64_t>(shape.size());
    const int64_t axis = axes.empty() ? 0 : axes[0] < 0 ? axes[0] + rank : axes[0];
    if (axis < 0 || axis >= rank || shape[axis] < 1) return std::nullopt;
    return shape[axis];
}

// Nodes of a body as nodes of the graph, as often as wanted; its constants once.
class Copies {
 public:
    Copies(Builder& b, const Graph& body) : b_(b), body_(body) {
        remove_unused(body_);
        for (const auto& [name, constant] : body_.initializers) {
            constants_[name] = b_.graph().fresh(name);
            b_.graph().initializers[constants_[name]] = constant;
        }
        for (const auto& [name, constant] : body_.opaque_initializers) {
            constants_[name] = b_.graph().fresh(name);
            b_.graph().opaque_initializers[constants_[name]] = constant;
        }
    }

    /// One copy, whose inputs are called so; returns its outputs.
    Tensors add(Names names) {
        names.insert(constants_.begin(), constants_.end());
        const auto renamed = [&](const std::string& name) {
            const auto found = names.find(name);
            return found == names.end() ? name : found->second;
        };
        for (Node copy : body_.nodes) {
            for (std::string& input : copy.inputs) input = renamed(input);
            rename_captured(copy, names);
            for (std::string& output : copy.outputs)
                if (!output.empty()) output = names[output] = b_.graph().fresh(output);
            copy.name = copy.outputs[0];
            b_.graph().nodes.push_back(std::move(copy));
        }
        Tensors outputs;
        for (const ValueInfo& output : body_.outputs) outputs.push_back(renamed(output.name));
        return outputs;
    }

 private:
    Builder& b_;
    Graph body_;
    Names constants_;
};

// Entries 0, 1, ... of an axis, without it.
Tensors entries(const Expansion& e, const std::string& t, int64_t axis, int64_t count) {
    const Tensors parts = count == 1 ? Tensors{t} : e.b.nodes("Split", {t}, static_cast<size_t>(count),
                                                              {{"axis", axis}, {"num_outputs", count}});
    Tensors all;
    for (const std::string& part : parts) all.push_back(e.b.node("Squeeze", {part, e.b.ints({axis})}));
    return all;
}

std::string stacked(const Expansion& e, Tensors parts, int64_t axis) {
    for (std::string& part : parts) part = e.b.node("Unsqueeze", {part, e.b.ints({axis})});
    return e.b.concat(std::move(parts), axis);
}

int64_t entry_of(const Node& node, const char* key, size_t i) {
    const std::vector<int64_t> values = node.integers(key);
    return i < values.size() ? values[i] : 0;
}

Tensors branch(const Expansion& e) {
    const bool taken = known(e.b.graph(), e.x()).value_or(0) != 0;
    return Copies(e.b, body_of(e.node, taken ? "then_branch" : "else_branch")).add({});
}

Tensors loop(const Expansion& e) {
    Graph body = body_of(e.node, "body");
    body.outputs.erase(body.outputs.begin());
    const int64_t steps = *steps_of(e.b.graph(), e.node);
    Tensor yes(ElementType::boolean, {});
    yes.as<bool>()[0] = true;
    const std::string condition = e.b.constant(std::move(yes));
    const size_t count = e.node.inputs.size() - 2;
    Tensors states(e.node.inputs.begin() + 2, e.node.inputs.end());
    std::vector<Tensors> results(body.outputs.size() - count);
    Copies copies(e.b, body);
    for (int64_t step = 0; step < steps; ++step) {
        Names names = {{body.inputs[0].name, e.b.integer(step)}, {body.inputs[1].name, condition}};
        for (size_t i = 0; i < count; ++i) names[body.inputs[2 + i].name] = states[i];
        const Tensors outputs = copies.add(std::move(names));
        for (size_t i = 0; i < outputs.size(); ++i)
            if (i < count) states[i] = outputs[i];
            else results[i - count].push_back(outputs[i]);
    }
    for (Tensors& parts : results) states.push_back(stacked(e, std::move(parts), 0));
    return states;
}

Tensors scan(const Expansion& e) {
    const Graph& body = body_of(e.node, "body");
    const int64_t steps = *steps_of(e.b.graph(), e.node);
    const size_t slices = static_cast<size_t>(e.node.integer("num_scan_inputs", 0)), count = e.node.inputs.size() - slices;
    std::vector<Tensors> read;
    for (size_t i = 0; i < slices; ++i) {
        read.push_back(entries(e, e.x(count + i), entry_of(e.node, "scan_input_axes", i), steps));
        if (entry_of(e.node, "scan_input_directions", i) != 0) std::ranges::reverse(read.back());
    }
    Tensors states(e.node.inputs.begin(), e.node.inputs.begin() + static_cast<int64_t>(count));
    std::vector<Tensors> results(body.outputs.size() - count);
    Copies copies(e.b, body);
    for (size_t step = 0; step < static_cast<size_t>(steps); ++step) {
        Names names;
        for (size_t i = 0; i < count; ++i) names[body.inputs[i].name] = states[i];
        for (size_t i = 0; i < slices; ++i) names[body.inputs[count + i].name] = read[i][step];
        const Tensors outputs = copies.add(std::move(names));
        for (size_t i = 0; i < outputs.size(); ++i)
            if (i < count) states[i] = outputs[i];
            else results[i - count].push_back(outputs[i]);
    }
    for (size_t i = 0; i < results.size(); ++i) {
        if (entry_of(e.node, "scan_output_directions", i) != 0) std::ranges::reverse(results[i]);
        states.push_back(stacked(e, std::move(results[i]), entry_of(e.node, "scan_output_axes", i)));
    }
    return states;
}

// How the node is written out, if it can be, and by how many nodes the graph grows.
struct Way {
    Expand expand = nullptr;
    size_t growth = 0;
};

Way way(const Graph& graph, const Node& node) {
    if (node.is("If")) return {node.has_input(0) && known(graph, node.inputs[0]) ? branch : nullptr};
    if (!node.is("Loop") && !node.is("Scan")) return {};
    const auto steps = steps_of(graph, node);
    if (!steps) return {};
    return {node.is("Loop") ? loop : scan, static_cast<size_t>(std::min<int64_t>(*steps, most_nodes)) * nodes_in(body_of(node, "body"))};
}

bool unroll(Graph& graph, size_t& room) {
    const auto made = [](const Node& node) {
        const auto named = std::ranges::find_if_not(node.outputs, &std::string::empty);
        return named == node.outputs.end() ? std::string() : *named;
    };
    std::unordered_map<std::string, Expand> chosen;
    for (const Node& node : graph.nodes) {
        const Way found = way(graph, node);
        if (!found.expand || found.growth > room || made(node).empty()) continue;
        room -= found.growth;
        chosen[made(node)] = found.expand;
    }
    bool changed = expand_nodes(graph, [&](const Graph&, const Node& node) {
        const auto found = chosen.find(made(node));
        return found == chosen.end() ? nullptr : found->second;
    });
    rewrite_bodies(graph, [&](Graph& body) { changed = unroll(body, room) || changed; });
    return changed;
}

}  // namespace

bool unroll(Graph& graph) {
    size_t room = most_nodes - std::min(most_nodes, nodes_in(graph));
    return unroll(graph, room);
}

}  // namespace whence::graph
