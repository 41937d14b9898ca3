#include "whence/graph/gradient/multiplier.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"

namespace whence::graph {
namespace {

// Differences of up to 16 units of rounding, relative to the mean size of both numbers, are taken
// for none: the quotient would be noise, and leaving out so small a step costs the sum no more than
// its own rounding. Relative, so that rescaling a network's weights changes no multiplier.
double rounding(ElementType type) {
    return type == ElementType::float64 ? 0x1p-50 : 0x1p-21;
}

}  // namespace

std::string quotient(Backward& n, const std::string& numerator, const std::string& x,
                     const std::string& x0, const std::string& otherwise) {
    const std::string change = n.b.sub(x, x0);
    const std::string size = n.b.add(n.b.node("Abs", {x}), n.b.node("Abs", {x0}));
    const std::string noise = n.b.mul(size, n.scalar(rounding(n.type())));
    const std::string told = n.b.node("Greater", {n.b.node("Abs", {change}), noise});
    const std::string safe = n.b.node("Where", {told, change, n.scalar(1)});
    return n.b.node("Where", {told, n.b.div(numerator, safe), otherwise});
}

Node half_way(Builder& b, const SweepNotes& notes, const Node& node) {
    const auto differs = [&](const std::string& name) { return notes.options.reference->differs(name); };
    if (std::ranges::count_if(node.inputs, differs) < 2) return node;
    Node middle = node;
    for (std::string& input : middle.inputs) {
        if (!differs(input) || notes.options.reference->of(input).empty()) continue;
        ValueInfo info = b.graph().value(input);
        const std::string half = b.scalar(0.5, info.type.value_or(ElementType::float32));
        info.name = b.mul(b.add(input, notes.options.reference->of(input)), half);
        input = info.name;
        b.graph().values[info.name] = std::move(info);
    }
    return middle;
}

void rescale(Backward& n) {
    for (size_t i = 1; i < n.node.inputs.size(); ++i)
        if (n.node.has_input(i) && n.notes.options.reference->differs(n.x(i)))
            n.refuse(
                fmt::format("its parameter '{}' follows the model's input", printable(n.x(i))));
    const std::string change = n.b.sub(n.y(), n.reference(n.y()));
    n.give(0, quotient(n, n.b.mul(n.d(), change), n.x(), n.reference(n.x()), n.given()[0]));
}

void give_picked(Backward& n, bool largest, const Route& route) {
    const std::string slope = route(n.x(), n.y(), n.d());
    if (!n.deep_lift()) return n.give(0, slope);
    const std::string x0 = n.reference(n.x()), y0 = n.reference(n.y());
    const std::string ahead = n.b.node(largest ? "Max" : "Min", {n.y(), y0});
    const std::string won = route(n.x(), n.y(), n.b.mul(n.d(), n.b.sub(ahead, y0)));
    const std::string lost = route(x0, y0, n.b.mul(n.d(), n.b.sub(n.y(), ahead)));
    n.give(0, quotient(n, n.b.add(won, lost), n.x(), x0, slope));
}

}  // namespace whence::graph
