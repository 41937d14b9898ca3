#include "whence/graph/passes/recurrent.h"

#include <algorithm>
#include <functional>

namespace whence::graph {
namespace {

using Tensors = std::vector<std::string>;

constexpr int64_t most_steps = 1024;

// What the steps of one direction share. States are [1, N, H], so that steps are put together as
// they are.
struct Cell {
    const Expansion& e;
    int64_t hidden;
    Tensors activations;
    std::string r;               ///< [H, gates H]
    std::string bias_w, bias_r;  ///< [gates H]; empty without biases
    Tensors peepholes;           ///< [H] for input, output, forget; empty without

    [[nodiscard]] std::string act(size_t i, const std::string& t) const {
        return e.b.node(activations.at(i), {t});
    }
    /// h times columns [first, first + count) of R, counted in gates.
    [[nodiscard]] std::string recur(const std::string& h, int64_t first, int64_t count) const {
        return e.b.node("MatMul", {h, gates(r, first, count)});
    }
    /// Gates [first, first + count) of a tensor that has all of them along its last axis.
    [[nodiscard]] std::string gates(const std::string& t, int64_t first, int64_t count) const {
        return e.b.node("Slice", {t, e.b.ints({first * hidden}),
                                  e.b.ints({(first + count) * hidden}), e.b.ints({-1})});
    }
    [[nodiscard]] Tensors apart(const std::string& t, size_t count) const {
        return e.b.nodes("Split", {t}, count,
                         {{"axis", int64_t{-1}}, {"num_outputs", static_cast<int64_t>(count)}});
    }
};

/// The states after a step, given x W (with whatever biases may join it) and the states before it.
using Step = std::function<Tensors(const Cell& cell, const std::string& x, const Tensors& states)>;

struct Kind {
    int64_t gates;
    size_t states;
    Tensors activations;
    int64_t joined;  ///< gates whose recurrent bias may be added before the steps
    Step step;
};

// i, f, o gates and the cell (Hochreiter, Schmidhuber 1997; peepholes: Gers, Schmidhuber 2000).
Tensors lstm_step(const Cell& c, const std::string& x, const Tensors& states) {
    Builder& b = c.e.b;
    const Tensors parts = c.apart(b.add(x, c.recur(states[0], 0, 4)), 4);  // i, o, f, c
    const auto peep = [&](const std::string& t, size_t i, const std::string& cell) {
        return c.peepholes.empty() ? t : b.add(t, b.mul(c.peepholes[i], cell));
    };
    const std::string input = c.act(0, peep(parts[0], 0, states[1])),
                      forget = c.act(0, peep(parts[2], 2, states[1]));
    const std::string cell = b.add(b.mul(forget, states[1]), b.mul(input, c.act(1, parts[3])));
    const std::string output = c.act(0, peep(parts[1], 1, cell));
    return {b.mul(output, c.act(2, cell)), cell};
}

// Update and reset gates (Cho et al. 2014).
Tensors gru_step(const Cell& c, const std::string& x, const Tensors& states) {
    Builder& b = c.e.b;
    const std::string& h = states[0];
    const Tensors both = c.apart(b.add(c.gates(x, 0, 2), c.recur(h, 0, 2)), 2);
    const std::string update = c.act(0, both[0]), reset = c.act(0, both[1]);
    const auto biased = [&](const std::string& t) {
        return c.bias_r.empty() ? t : b.add(t, c.gates(c.bias_r, 2, 1));
    };
    const std::string past = c.e.node.integer("linear_before_reset", 0) != 0
                                 ? b.mul(reset, biased(c.recur(h, 2, 1)))
                                 : biased(c.recur(b.mul(reset, h), 2, 1));
    const std::string fresh = c.act(1, b.add(c.gates(x, 2, 1), past));
    return {b.add(fresh, b.mul(update, b.sub(h, fresh)))};
}

Tensors rnn_step(const Cell& c, const std::string& x, const Tensors& states) {
    return {c.act(0, c.e.b.add(x, c.recur(states[0], 0, 1)))};
}

// Entry d of the first axis: [1, ...], or without that axis.
std::string entry(const Expansion& e, const std::string& t, int64_t d) {
    return e.b.node("Slice", {t, e.b.ints({d}), e.b.ints({d + 1}), e.b.ints({0})});
}
std::string only(const Expansion& e, const std::string& t, int64_t d) {
    return e.b.node("Squeeze", {entry(e, t, d), e.b.ints({0})});
}

Tensors activations_of(const Expansion& e, const Kind& kind, int64_t direction) {
    const auto found = e.node.attributes.find("activations");
    if (found == e.node.attributes.end()) return kind.activations;
    const auto* named = std::get_if<Tensors>(&found->second);
    const size_t first = static_cast<size_t>(direction) * kind.activations.size();
    if (!named || named->size() < first + kind.activations.size())
        e.refuse("its activations are not complete");
    const Tensors own(named->begin() + static_cast<int64_t>(first),
                      named->begin() + static_cast<int64_t>(first + kind.activations.size()));
    const Tensors known = {"Sigmoid", "Tanh", "Relu", "Softplus", "Softsign"};
    for (const std::string& name : own)
        if (std::ranges::find(known, name) == known.end())
            e.refuse("an activation other than Sigmoid, Tanh, Relu, Softplus, Softsign");
    return own;
}

int64_t hidden_size(const Expansion& e) {
    const Shape r = e.b.graph().value(e.x(2)).lengths();
    const int64_t hidden = e.node.integer("hidden_size", r.size() == 3 ? r[2] : -1);
    if (hidden <= 0) e.refuse("its hidden size is not known");
    return hidden;
}

Cell cell_of(const Expansion& e, const Kind& kind, int64_t direction, int64_t hidden) {
    Cell cell{.e = e, .hidden = hidden, .activations = activations_of(e, kind, direction)};
    cell.r = e.b.transpose(only(e, e.x(2), direction), {1, 0});
    if (e.node.has_input(3)) {
        const Tensors both = e.b.nodes("Split", {only(e, e.x(3), direction)}, 2,
                                       {{"axis", int64_t{0}}, {"num_outputs", int64_t{2}}});
        cell.bias_w = both[0];
        cell.bias_r = both[1];
    }
    if (e.node.op == "LSTM" && e.node.has_input(7))
        cell.peepholes = e.b.nodes("Split", {only(e, e.x(7), direction)}, 3,
                                   {{"axis", int64_t{0}}, {"num_outputs", int64_t{3}}});
    return cell;
}

// x W for all steps at once, one tensor [1, N, gates H] each.
Tensors inputs_of(const Cell& cell, const Kind& kind, int64_t direction, const std::string& x,
                  int64_t steps) {
    const Expansion& e = cell.e;
    std::string all = e.b.node("MatMul", {x, e.b.transpose(only(e, e.x(1), direction), {1, 0})});
    if (!cell.bias_w.empty()) {
        all = e.b.add(all, cell.bias_w);
        const std::string joined = cell.gates(cell.bias_r, 0, kind.joined);
        const std::string rest =
            e.b.zeros(e.b.ints({(kind.gates - kind.joined) * cell.hidden}), e.type());
        all = e.b.add(all, kind.joined == kind.gates ? joined : e.b.concat({joined, rest}, 0));
    }
    if (steps == 1) return {all};
    return e.b.nodes("Split", {all}, static_cast<size_t>(steps),
                     {{"axis", int64_t{0}}, {"num_outputs", steps}});
}

Tensors first_states(const Expansion& e, const Kind& kind, int64_t direction, const std::string& x,
                     int64_t hidden) {
    Tensors states;
    for (size_t i = 0; i < kind.states; ++i)
        states.push_back(
            e.node.has_input(5 + i)
                ? entry(e, e.x(5 + i), direction)
                : e.b.zeros(e.b.concat({e.b.ints({1}), e.b.shape(x, 1, 2), e.b.ints({hidden})}, 0),
                            e.type()));
    return states;
}

// Whether every sequence is as long as the tensor.
bool full_length(const Expansion& e, int64_t steps) {
    if (!e.node.has_input(4)) return true;
    const Tensor* lengths = e.b.graph().constant(e.x(4));
    if (!lengths) return false;
    const std::vector<double> values = lengths->to_doubles();
    return std::ranges::all_of(values,
                               [&](double length) { return length == static_cast<double>(steps); });
}

Tensors unrolled(const Expansion& e, const Kind& kind) {
    if (e.node.has("clip") || e.node.integer("input_forget", 0) != 0)
        e.refuse("clipped or coupled gates");
    if (e.node.integer("layout", 0) != 0) e.refuse("its layout has the batch first");
    const Shape shape = e.b.graph().value(e.x()).lengths();
    if (shape.size() != 3 || shape[0] < 1) e.refuse("the length of the sequence is not known");
    const int64_t steps = shape[0], hidden = hidden_size(e);
    if (!full_length(e, steps)) e.refuse("sequences of different lengths");
    if (steps > most_steps)
        e.refuse("a sequence of more than " + std::to_string(most_steps) + " steps");
    const std::string direction = e.node.text("direction", "forward");
    const int64_t directions = direction == "bidirectional" ? 2 : 1;
    Tensors sequences;
    std::vector<Tensors> last(kind.states);
    for (int64_t d = 0; d < directions; ++d) {
        const Cell cell = cell_of(e, kind, d, hidden);
        const Tensors x = inputs_of(cell, kind, d, e.x(), steps);
        Tensors states = first_states(e, kind, d, e.x(), hidden), outputs(x.size());
        const bool backwards = direction == "reverse" || d == 1;
        for (size_t i = 0; i < x.size(); ++i) {
            const size_t t = backwards ? x.size() - 1 - i : i;
            states = kind.step(cell, x[t], states);
            outputs[t] = states[0];
        }
        sequences.push_back(e.b.node("Unsqueeze", {e.b.concat(outputs, 0), e.b.ints({1})}));
        for (size_t i = 0; i < kind.states; ++i) last[i].push_back(states[i]);
    }
    Tensors all = {e.b.concat(sequences, 1)};
    for (const Tensors& states : last) all.push_back(e.b.concat(states, 0));
    return all;
}

}  // namespace

Tensors lstm(const Expansion& e) {
    return unrolled(e, {4, 2, {"Sigmoid", "Tanh", "Tanh"}, 4, lstm_step});
}
Tensors gru(const Expansion& e) {
    return unrolled(e, {3, 1, {"Sigmoid", "Tanh"}, 2, gru_step});
}
Tensors rnn(const Expansion& e) {
    return unrolled(e, {1, 1, {"Tanh"}, 1, rnn_step});
}

}  // namespace whence::graph
