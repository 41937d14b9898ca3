// Einstein sums: the gradient of an operand is an Einstein sum of d and the other operands.

#include <algorithm>
#include <sstream>
#include <string_view>

#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

struct Equation {
    std::vector<std::string> operands;
    std::string result;
    std::string used;  ///< every label
};

// A label that the equation does not use yet.
char free_label(Backward& n, Equation& equation) {
    for (const char label : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        if (equation.used.find(label) == std::string::npos) {
            equation.used += label;
            return label;
        }
    n.refuse("an equation that uses every label");
}

constexpr std::string_view dots = "...";

// How many axes the dots of an operand stand for: those that its labels leave.
size_t axes_of_dots(Backward& n, const std::string& operand, const std::string& tensor) {
    if (operand.find(dots) == std::string::npos) return 0;
    const size_t axes = static_cast<size_t>(n.rank(tensor)) + dots.size();
    if (axes < operand.size()) n.refuse("its equation does not fit its inputs");
    return axes - operand.size();
}

// Labels in the place of the dots; the last ones where an operand has fewer axes there than others.
void write_out_dots(Backward& n, Equation& equation) {
    std::vector<size_t> axes;
    for (size_t i = 0; i < equation.operands.size(); ++i) axes.push_back(axes_of_dots(n, equation.operands[i], n.x(i)));
    const size_t most = *std::ranges::max_element(axes);
    std::string labels;
    while (labels.size() < most) labels += free_label(n, equation);
    const auto replace = [&](std::string& operand, size_t count) {
        if (const size_t at = operand.find(dots); at != std::string::npos)
            operand.replace(at, dots.size(), labels.substr(most - count));
    };
    for (size_t i = 0; i < axes.size(); ++i) replace(equation.operands[i], axes[i]);
    replace(equation.result, most);
}

Equation read_equation(Backward& n) {
    std::string text = n.node.text("equation", "");
    std::erase(text, ' ');
    Equation equation{.used = text};
    const size_t arrow = text.find("->");
    std::istringstream left(text.substr(0, arrow));
    for (std::string operand; std::getline(left, operand, ',');) equation.operands.push_back(operand);
    if (equation.operands.size() != n.node.inputs.size()) n.refuse("its equation does not fit its inputs");
    if (arrow != std::string::npos) {
        equation.result = text.substr(arrow + 2);
    } else {
        // Without an arrow: the axes of the dots, then the labels that appear once, in alphabetical order.
        if (text.find(dots) != std::string::npos) equation.result = dots;
        std::ranges::sort(text);
        for (const char label : text)
            if (label != ',' && label != '.' && std::ranges::count(text, label) == 1) equation.result += label;
    }
    write_out_dots(n, equation);
    return equation;
}

// The shape of an operand broadcast to the result: axes that it shares with it are as long there.
std::optional<std::vector<Dimension>> broadcast_shape(Backward& n, const Equation& equation, const std::string& labels, size_t i) {
    auto shape = n.b.graph().value(n.x(i)).shape;
    const auto result = n.b.graph().value(n.y()).shape;
    if (!shape || !result) return std::nullopt;
    if (shape->size() != labels.size() || result->size() != equation.result.size()) n.refuse("its equation does not fit its inputs");
    for (size_t axis = 0; axis < labels.size(); ++axis)
        if (const size_t at = equation.result.find(labels[axis]); at != std::string::npos) (*shape)[axis] = (*result)[at];
    return shape;
}

// Labels of the operand that nothing else has were summed over: ones stand in for them. A label that
// it has twice took a diagonal: the second gets a label of its own, and an identity matrix joins them.
void give_operand(Backward& n, Equation equation, size_t i) {
    std::string target = equation.operands[i], terms = equation.result;
    std::vector<std::string> inputs = {n.d()};
    for (size_t other = 0; other < equation.operands.size(); ++other)
        if (other != i) {
            terms += ',' + equation.operands[other];
            inputs.push_back(n.x(other));
        }
    const auto length = [&](size_t axis) {
        return n.b.shape(n.x(i), static_cast<int64_t>(axis), static_cast<int64_t>(axis) + 1);
    };
    for (size_t axis = 0; axis < target.size(); ++axis) {
        const char label = target[axis];
        if (target.find(label) < axis) {
            target[axis] = free_label(n, equation);
            const std::string square = n.b.zeros(n.b.concat({length(axis), length(axis)}, 0), n.type());
            terms += std::string(",") + label + target[axis];
            inputs.push_back(n.b.node("EyeLike", {square}));
        } else if (terms.find(label) == std::string::npos) {
            terms += std::string(",") + label;
            inputs.push_back(n.b.node("Expand", {n.scalar(1), length(axis)}));
        }
    }
    const std::string gradient = n.b.node("Einsum", inputs, {{"equation", terms + "->" + target}});
    n.give_broadcast(i, gradient, broadcast_shape(n, equation, target, i), 0);
}

void einsum(Backward& n) {
    const Equation equation = read_equation(n);
    if (n.deep_lift() && equation.operands.size() > 2) n.refuse("a product of more than two operands");
    for (size_t i = 0; i < equation.operands.size(); ++i)
        if (n.wants(i)) give_operand(n, equation, i);
}

}  // namespace

std::vector<RuleRow> einsum_rules() {
    using enum Change;
    return {{"Einsum", einsum, bilinear}};
}

}  // namespace whence::graph
