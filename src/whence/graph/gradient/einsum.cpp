// Einstein sums: the gradient of an operand is an Einstein sum of d and the other operands.

#include <algorithm>
#include <sstream>

#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

struct Equation {
    std::vector<std::string> operands;
    std::string result;
};

Equation read_equation(Backward& n) {
    std::string text = n.node.text("equation", "");
    std::erase(text, ' ');
    if (text.find('.') != std::string::npos) n.refuse("an equation with an ellipsis");
    Equation equation;
    const size_t arrow = text.find("->");
    std::istringstream left(text.substr(0, arrow));
    for (std::string operand; std::getline(left, operand, ',');) equation.operands.push_back(operand);
    if (equation.operands.size() != n.node.inputs.size()) n.refuse("its equation does not fit its inputs");
    if (arrow != std::string::npos) {
        equation.result = text.substr(arrow + 2);
        return equation;
    }
    // Without an arrow: the labels that appear once, in alphabetical order.
    std::ranges::sort(text);
    for (const char label : text)
        if (label != ',' && std::ranges::count(text, label) == 1) equation.result += label;
    return equation;
}

// A label that the equation does not use yet.
char free_label(Backward& n, const std::string& used) {
    for (char label = 'a'; label <= 'z'; ++label)
        if (used.find(label) == std::string::npos) return label;
    n.refuse("an equation that uses every label");
}

// Labels of the operand that nothing else has were summed over: ones stand in for them. A label that
// it has twice took a diagonal: the second gets a label of its own, and an identity matrix joins them.
void give_operand(Backward& n, const Equation& equation, size_t i) {
    std::string target = equation.operands[i], terms = equation.result, used = n.node.text("equation", "");
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
            target[axis] = free_label(n, used);
            used += target[axis];
            const std::string square = n.b.zeros(n.b.concat({length(axis), length(axis)}, 0), n.type());
            terms += std::string(",") + label + target[axis];
            inputs.push_back(n.b.node("EyeLike", {square}));
        } else if (terms.find(label) == std::string::npos) {
            terms += std::string(",") + label;
            inputs.push_back(n.b.node("Expand", {n.scalar(1), length(axis)}));
        }
    }
    n.give(i, n.b.node("Einsum", inputs, {{"equation", terms + "->" + target}}));
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
