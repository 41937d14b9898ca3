// Operators that hold graphs: their gradients hold the gradients of those. (Branches and steps that are known
// are nodes of the graph by now: passes/unroll.cpp.)

#include <algorithm>
#include <optional>

#include "whence/core/error.h"
#include "whence/graph/body.h"
#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

using Tensors = std::vector<std::string>;

bool is_float(const ValueInfo& info) {
    return info.type == ElementType::float32 || info.type == ElementType::float64 || info.type == ElementType::float16 ||
           info.type == ElementType::bfloat16;
}

ValueInfo called(ValueInfo info, const std::string& name) {
    info.name = name;
    return info;
}

std::string zeros_like(Builder& b, const ValueInfo& tensor) {
    return b.zeros(b.shape(tensor.name), tensor.type.value_or(ElementType::float32));
}

// ONNX Runtime runs a Scan only if it knows the ranks of its results, which it does not infer from a Loop.
void add_output(Graph& body, Builder& b, const std::string& tensor, const ValueInfo& like) {
    ValueInfo made{.name = b.node("Identity", {tensor}), .type = like.type};
    if (like.shape) made.shape.emplace(like.shape->size());
    body.outputs.push_back(std::move(made));
}

// --- If --------------------------------------------------------------------------------------------

// A branch whose outputs are the gradients of what it captures; it computes again what it needs.
struct Branch {
    Graph graph;
    Tensors gradients;
};

Branch branch(Backward& n, const std::string& key) {
    Graph graph = lifted(n.b.graph(), n.node, key);
    if (graph.outputs.size() != n.node.outputs.size()) n.refuse("its outputs are not those of its branches");
    std::vector<Seed> seeds;
    for (size_t i = 0; i < n.node.outputs.size(); ++i) {
        if (!n.has_d(i)) continue;
        graph.inputs.push_back(called(n.b.graph().value(n.y(i)), n.d(i)));
        seeds.push_back({graph.outputs[i].name, n.d(i)});
    }
    graph.outputs.clear();
    Tensors gradients = add_gradients(graph, seeds, n.captured, n.notes.options);
    return {std::move(graph), std::move(gradients)};
}

void if_(Backward& n) {
    std::map<std::string, Branch> branches;
    for (const char* key : {"then_branch", "else_branch"}) branches[key] = branch(n, key);
    Tensors wanted;
    for (size_t i = 0; i < n.captured.size(); ++i) {
        const auto leads = [&](const auto& entry) { return !entry.second.gradients[i].empty(); };
        if (std::ranges::none_of(branches, leads)) continue;
        wanted.push_back(n.captured[i]);
        for (auto& [key, made] : branches) {
            Builder b(made.graph);
            const ValueInfo info = n.b.graph().value(n.captured[i]);
            add_output(made.graph, b, made.gradients[i].empty() ? zeros_like(b, info) : made.gradients[i], info);
        }
    }
    if (wanted.empty()) return;
    Node back{.op = "If", .inputs = {n.x()}};
    for (auto& [key, made] : branches) {
        remove_unused(made.graph);
        set_body(back, key, lowered(std::move(made.graph), n.b.graph(), {}));
    }
    for (const std::string& tensor : wanted) n.give_past(tensor, back.outputs.emplace_back(n.b.graph().fresh("whence/If")));
    back.name = back.outputs[0];
    n.b.graph().nodes.push_back(std::move(back));
}

// --- Loop and Scan ---------------------------------------------------------------------------------

/// What a step hands to the next one, by its names inside, and where it enters and leaves the node.
struct State {
    std::string before, after;
    size_t input, output;
};

/// What each step reads or makes one slice of.
struct Slice {
    std::string inside, stacked;
    int64_t axis = 0, reverse = 0;
    std::optional<size_t> input = std::nullopt;  ///< of the node, where the node reads it, too
};

// A Loop or Scan taken apart.
struct Steps {
    Graph body;             ///< lifted
    size_t conditions = 0;  ///< outputs of the body before its states
    std::vector<State> states;
    std::vector<Slice> reads, makes;
    std::string numbers = {};  ///< of a Loop: stacked; there may be none
};

void check_fit(Backward& n, size_t first, size_t slices) {
    const Graph& body = body_of(n.node, "body");
    const size_t inputs = n.node.inputs.size();
    const size_t states = inputs < first + slices ? 0 : inputs - first - slices;
    if (inputs < first + slices || body.inputs.size() != inputs || body.outputs.size() < states + first / 2 ||
        n.node.outputs.size() + first / 2 > body.outputs.size())
        n.refuse("its inputs and outputs are not those of its body");
}

Steps taken_apart(Backward& n, size_t first, size_t slices) {
    check_fit(n, first, slices);
    Steps steps{.body = lifted(n.b.graph(), n.node, "body"), .conditions = first / 2};
    for (size_t i = first; i < n.node.inputs.size() - slices; ++i) {
        const ValueInfo& info = steps.body.inputs[i];
        if (!info.type) n.refuse("its state '" + printable(info.name) + "' is no tensor of a type that is known");
        steps.states.push_back({info.name, steps.body.outputs[steps.conditions + i - first].name, i, i - first});
    }
    return steps;
}

// The node once more, returning what the states and `more` were before each step, stacked.
std::vector<Slice> recorded(Backward& n, const Steps& steps, Tensors more) {
    Tensors kept;
    for (const State& state : steps.states) kept.push_back(state.before);
    kept.insert(kept.end(), more.begin(), more.end());
    if (kept.empty()) return {};
    Graph& outer = n.b.graph();
    Graph body = steps.body;
    body.outputs.resize(steps.conditions + steps.states.size());
    Builder b(body);
    for (const std::string& tensor : kept) add_output(body, b, tensor, body.value(tensor));
    remove_unused(body);
    Node again = n.node;
    again.attributes.erase("scan_output_axes");
    again.attributes.erase("scan_output_directions");
    const auto own = static_cast<int64_t>(n.node.inputs.size());
    set_body(again, "body", lowered(body, outer, {body.inputs.begin(), body.inputs.begin() + own}));
    again.outputs.clear();
    for (size_t i = 0; i < steps.states.size() + kept.size(); ++i) again.outputs.push_back(outer.fresh("whence/" + n.node.op));
    again.name = again.outputs[0];
    std::vector<Slice> stacks;
    for (size_t i = 0; i < kept.size(); ++i) stacks.push_back({kept[i], again.outputs[steps.states.size() + i]});
    outer.nodes.push_back(std::move(again));
    return stacks;
}

// Inputs of a Scan in the making: tensors outside, and what they are inside.
struct Inputs {
    Tensors outside;
    std::vector<ValueInfo> inside;
    void add(const std::string& tensor, ValueInfo info) {
        outside.push_back(tensor);
        inside.push_back(std::move(info));
    }
};

// ONNX Runtime leaves the states of a Scan without steps undefined: they are what they were at the start.
Node unless_none(Builder& b, Node scan, const std::string& numbers) {
    Node fork{.op = "If", .name = scan.name, .outputs = scan.outputs};
    fork.inputs = {b.node("Greater", {b.node("Size", {numbers}), b.integer(0)})};
    Graph some, none;
    for (size_t i = 0; i < scan.outputs.size(); ++i) {
        const std::string start = scan.outputs[i] + "/start";
        none.nodes.push_back({.op = "Identity", .name = start, .inputs = {scan.inputs[i]}, .outputs = {start}});
        none.outputs.push_back({.name = start});
        scan.outputs[i] += "/end";
        some.outputs.push_back({.name = scan.outputs[i]});
    }
    some.nodes.push_back(std::move(scan));
    set_body(fork, "then_branch", std::move(some));
    set_body(fork, "else_branch", std::move(none));
    return fork;
}

// The steps in reverse: a Scan over what they read and what flows into what they made. Its states are the
// gradients of the states, and the sums so far of the gradients of captured tensors.
void steps_back(Backward& n, Steps steps) {
    Graph& outer = n.b.graph();
    Graph& body = steps.body;
    Builder b(body);
    Inputs states, slices;
    std::vector<Seed> seeds;
    Tensors wrt;
    std::vector<int64_t> axes, directions;
    const auto read_back = [&](const Slice& slice, ValueInfo info) {
        slices.add(slice.stacked, std::move(info));
        axes.push_back(slice.axis);
        directions.push_back(1 - slice.reverse);
    };
    std::erase_if(steps.states, [&](const State& state) { return !is_float(body.value(state.before)); });
    for (const State& state : steps.states) {
        const ValueInfo info = called(body.value(state.before), body.fresh("whence/d"));
        states.add(n.has_d(state.output) ? n.d(state.output) : zeros_like(n.b, outer.value(n.x(state.input))), info);
        seeds.push_back({state.after, info.name});
        wrt.push_back(state.before);
    }
    for (const Slice& slice : steps.makes) {
        const ValueInfo info = called(body.value(slice.inside), body.fresh("whence/d"));
        read_back(slice, info);
        seeds.push_back({slice.inside, info.name});
    }
    for (const Slice& slice : steps.reads) read_back(slice, body.value(slice.inside));
    std::erase_if(steps.reads, [&](const Slice& slice) { return !slice.input || !n.wants(*slice.input); });
    for (const Slice& slice : steps.reads) wrt.push_back(slice.inside);
    wrt.insert(wrt.end(), n.captured.begin(), n.captured.end());

    const Tensors gradients = add_gradients(body, seeds, wrt, n.notes.options);
    body.outputs.clear();
    Node back{.op = "Scan"};
    const auto result = [&](const std::string& gradient, const ValueInfo& of) {
        if (!of.shape) n.refuse("the rank of '" + printable(of.name) + "' inside is not known");
        add_output(body, b, gradient, of);
        return back.outputs.emplace_back(outer.fresh("whence/Scan"));
    };
    size_t at = 0;
    for (const State& state : steps.states) {
        const ValueInfo info = body.value(state.before);
        const std::string& gradient = gradients[at++];
        const std::string made = result(gradient.empty() ? zeros_like(b, info) : gradient, info);
        if (n.wants(state.input)) n.give(state.input, made);
    }
    at += steps.reads.size();
    for (const std::string& tensor : n.captured) {
        const std::string& gradient = gradients[at++];
        if (gradient.empty()) continue;
        const ValueInfo info = called(outer.value(tensor), body.fresh("whence/d"));
        states.add(zeros_like(n.b, outer.value(tensor)), info);
        n.give_past(tensor, result(b.add(info.name, gradient), info));
    }
    std::vector<int64_t> made_axes, made_directions;
    at = steps.states.size();
    for (const Slice& slice : steps.reads) {
        const std::string& gradient = gradients[at++];
        if (gradient.empty()) continue;
        made_axes.push_back(slice.axis);
        made_directions.push_back(1 - slice.reverse);
        n.give(*slice.input, result(gradient, body.value(slice.inside)));
    }
    remove_unused(body);
    back.name = back.outputs.at(0);
    back.inputs = std::move(states.outside);
    back.inputs.insert(back.inputs.end(), slices.outside.begin(), slices.outside.end());
    back.attributes = {{"num_scan_inputs", static_cast<int64_t>(slices.outside.size())},
                       {"scan_input_axes", std::move(axes)},
                       {"scan_input_directions", std::move(directions)}};
    if (!made_axes.empty()) {
        back.attributes["scan_output_axes"] = std::move(made_axes);
        back.attributes["scan_output_directions"] = std::move(made_directions);
    }
    std::vector<ValueInfo> own = std::move(states.inside);
    own.insert(own.end(), slices.inside.begin(), slices.inside.end());
    set_body(back, "body", lowered(std::move(body), outer, std::move(own)));
    outer.nodes.push_back(steps.numbers.empty() ? std::move(back) : unless_none(n.b, std::move(back), steps.numbers));
}

// A step runs where the condition is true.
void loop(Backward& n) {
    Steps steps = taken_apart(n, 2, 0);
    for (const State& state : steps.states) {
        const auto first = n.b.graph().value(n.x(state.input)).shape, last = steps.body.value(state.after).shape;
        if (first && last && first->size() != last->size())
            n.refuse("its state '" + printable(state.before) + "' changes its shape from step to step");
    }
    const ValueInfo number = steps.body.inputs[0], condition = steps.body.inputs[1];
    steps.reads = recorded(n, steps, {number.name});
    steps.numbers = steps.reads.back().stacked;
    for (size_t i = steps.states.size(); i < n.node.outputs.size(); ++i)
        if (n.has_d(i)) steps.makes.push_back({steps.body.outputs[1 + i].name, n.d(i)});
    Tensor yes(ElementType::boolean, Shape(condition.shape.value_or(std::vector<Dimension>{}).size(), 1));
    yes.as<bool>()[0] = true;
    steps.body.initializers[condition.name] = std::make_shared<const Tensor>(std::move(yes));
    steps_back(n, std::move(steps));
}

void scan(Backward& n) {
    const auto slices = static_cast<size_t>(std::max<int64_t>(0, n.node.integer("num_scan_inputs", 0)));
    Steps steps = taken_apart(n, 0, slices);
    const auto entry = [&](const char* key, size_t i) {
        const std::vector<int64_t> values = n.node.integers(key);
        return i < values.size() ? values[i] : 0;
    };
    const size_t states = steps.states.size();
    steps.reads = recorded(n, steps, {});
    for (size_t i = 0; i < slices; ++i)
        steps.reads.push_back({steps.body.inputs[states + i].name, n.x(states + i), entry("scan_input_axes", i),
                               entry("scan_input_directions", i), states + i});
    for (size_t i = states; i < n.node.outputs.size(); ++i)
        if (n.has_d(i))
            steps.makes.push_back({steps.body.outputs[i].name, n.d(i), entry("scan_output_axes", i - states),
                                   entry("scan_output_directions", i - states)});
    steps_back(n, std::move(steps));
}

}  // namespace

std::vector<RuleRow> control_rules() {
    return {{"If", if_}, {"Loop", loop}, {"Scan", scan}};
}

}  // namespace whence::graph
