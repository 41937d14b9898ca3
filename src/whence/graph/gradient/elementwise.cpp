// Elementwise arithmetic. Operands may be broadcast: give_broadcast undoes it.

#include <cmath>
#include <numbers>

#include "whence/graph/gradient/multiplier.h"

namespace whence::graph {
namespace {

void add(Backward& n) {
    for (size_t i = 0; i < n.node.inputs.size(); ++i)
        if (n.wants(i)) n.give_broadcast(i, n.d());
}

void sub(Backward& n) {
    if (n.wants(0)) n.give_broadcast(0, n.d());
    if (n.wants(1)) n.give_broadcast(1, n.b.neg(n.d()));
}

void mul(Backward& n) {
    if (n.wants(0)) n.give_broadcast(0, n.b.mul(n.d(), n.x(1)));
    if (n.wants(1)) n.give_broadcast(1, n.b.mul(n.d(), n.x(0)));
}

void div(Backward& n) {
    if (n.deep_lift() && n.wants(1)) n.refuse("a quotient must be written as a product");
    const std::string by = n.b.div(n.d(), n.x(1));
    if (n.wants(0)) n.give_broadcast(0, by);
    if (n.wants(1)) n.give_broadcast(1, n.b.neg(n.b.mul(by, n.y())));
}

void mean(Backward& n) {
    const std::string share = n.b.mul(n.d(), n.scalar(1.0 / static_cast<double>(n.node.inputs.size())));
    for (size_t i = 0; i < n.node.inputs.size(); ++i)
        if (n.wants(i)) n.give_broadcast(i, share);
}

// max(a, b) = b + relu(a - b), min(a, b) = b - relu(b - a): the multiplier m of the ReLU goes to a,
// 1 - m to b. `share` is that of a where it decides nothing.
std::vector<std::string> multipliers_of_extremum(Backward& n, const std::string& share) {
    const size_t first = n.node.is("Max") ? 0 : 1;
    const std::string t = n.b.sub(n.x(first), n.x(1 - first));
    const std::string t0 = n.b.sub(n.reference(n.x(first)), n.reference(n.x(1 - first)));
    const std::string change = n.b.sub(n.b.node("Relu", {t}), n.b.node("Relu", {t0}));
    const std::string m = quotient(n, change, t, t0, share);
    return {m, n.b.sub(n.scalar(1), m)};
}

// Min and Max: to the operands that equal the result, in equal parts where several do.
void extremum(Backward& n) {
    std::vector<std::string> equal;
    std::string count;
    for (const std::string& input : n.node.inputs) {
        equal.push_back(n.b.cast(n.b.node("Equal", {input, n.y()}), n.type()));
        count = count.empty() ? equal.back() : n.b.add(count, equal.back());
    }
    for (std::string& share : equal) share = n.b.div(share, count);
    if (n.deep_lift()) equal = multipliers_of_extremum(n, equal[0]);
    for (size_t i = 0; i < equal.size(); ++i)
        if (n.wants(i)) n.give_broadcast(i, n.b.mul(n.d(), equal[i]));
}

void where(Backward& n) {
    const std::string zero = n.b.scalar(0, n.type_of(n.y()));
    if (n.wants(1)) n.give_broadcast(1, n.b.node("Where", {n.x(0), n.d(), zero}));
    if (n.wants(2)) n.give_broadcast(2, n.b.node("Where", {n.x(0), zero, n.d()}));
}

void pow(Backward& n) {
    // The exponent may be of another type; the result has the type of the base.
    const std::string exponent = n.type_of(n.x(1)) == n.type() ? n.x(1) : n.b.cast(n.x(1), n.type());
    if (n.wants(0)) {
        const std::string less = n.b.sub(exponent, n.scalar(1));
        n.give_broadcast(0, n.b.mul(n.d(), n.b.mul(exponent, n.b.node("Pow", {n.x(), less}))));
    }
    if (n.wants(1)) n.give_broadcast(1, n.b.mul(n.d(), n.b.mul(n.y(), n.b.node("Log", {n.x()}))));
}

// The value of a constant scalar bound that HardSigmoid can hold; none if it is computed or huge.
std::optional<double> constant_bound(Backward& n, size_t i) {
    const Tensor* bound = n.b.graph().constant(n.x(i));
    if (!bound || bound->size() != 1 || std::abs(bound->to_doubles()[0]) > 1e9) return std::nullopt;
    return bound->to_doubles()[0];
}

void clip(Backward& n) {
    // The upper bound is applied last, so it is undone first; it wins where the bounds cross. Masks are read off the output: a Clip fused into the convolution before it stays fused.
    std::string inside = n.d();
    const auto mask_by = [&](size_t i, const std::string& mask) {
        const std::string all = inside;
        inside = n.b.mul(all, mask);
        if (n.wants(i)) n.give_broadcast(i, n.b.sub(all, inside));
    };
    if (n.node.has_input(2)) {
        const auto high = constant_bound(n, 2);
        mask_by(2, high ? n.below(n.y(), *high) : n.positive(n.b.sub(n.x(2), n.y())));
    }
    if (n.node.has_input(1)) {
        const auto low = constant_bound(n, 1);
        mask_by(1, low ? n.above(n.y(), *low) : n.positive(n.b.sub(n.y(), n.x(1))));
    }
    n.give(0, inside);
}

void abs(Backward& n) { n.give(0, n.b.mul(n.d(), n.b.node("Sign", {n.x()}))); }
void neg(Backward& n) { n.give(0, n.b.neg(n.d())); }
void reciprocal(Backward& n) { n.give(0, n.b.neg(n.b.mul(n.d(), n.b.mul(n.y(), n.y())))); }
void exp(Backward& n) { n.give(0, n.b.mul(n.d(), n.y())); }
void log(Backward& n) { n.give(0, n.b.div(n.d(), n.x())); }
void sqrt(Backward& n) { n.give(0, n.b.div(n.b.mul(n.d(), n.scalar(0.5)), n.y())); }

void erf(Backward& n) {
    const std::string bell = n.b.node("Exp", {n.b.neg(n.b.mul(n.x(), n.x()))});
    n.give(0, n.b.mul(n.d(), n.b.mul(bell, n.scalar(2 / std::sqrt(std::numbers::pi)))));
}

// d / sqrt(offset + sign * x^2), the slope of the inverse circular and hyperbolic functions.
std::string over_root(Backward& n, double offset, double sign) {
    const std::string square = n.b.mul(n.b.mul(n.x(), n.x()), n.scalar(sign));
    return n.b.div(n.d(), n.b.node("Sqrt", {n.b.add(square, n.scalar(offset))}));
}
std::string over_square(Backward& n, double sign) {
    const std::string square = n.b.mul(n.b.mul(n.x(), n.x()), n.scalar(sign));
    return n.b.div(n.d(), n.b.add(n.scalar(1), square));
}

void sin(Backward& n) { n.give(0, n.b.mul(n.d(), n.b.node("Cos", {n.x()}))); }
void cos(Backward& n) { n.give(0, n.b.neg(n.b.mul(n.d(), n.b.node("Sin", {n.x()})))); }
void tan(Backward& n) { n.give(0, n.b.mul(n.d(), n.b.add(n.scalar(1), n.b.mul(n.y(), n.y())))); }
void asin(Backward& n) { n.give(0, over_root(n, 1, -1)); }
void acos(Backward& n) { n.give(0, n.b.neg(over_root(n, 1, -1))); }
void atan(Backward& n) { n.give(0, over_square(n, 1)); }
void sinh(Backward& n) { n.give(0, n.b.mul(n.d(), n.b.node("Cosh", {n.x()}))); }
void cosh(Backward& n) { n.give(0, n.b.mul(n.d(), n.b.node("Sinh", {n.x()}))); }
void asinh(Backward& n) { n.give(0, over_root(n, 1, 1)); }
void acosh(Backward& n) { n.give(0, over_root(n, -1, 1)); }
void atanh(Backward& n) { n.give(0, over_square(n, -1)); }

}  // namespace

std::vector<RuleRow> elementwise_rules() {
    using enum Change;
    return {{"Add", add, linear},
            {"Sum", add, linear},
            {"Sub", sub, linear},
            {"Mul", mul, bilinear},
            {"Div", div, linear},
            {"Mean", mean, linear},
            {"Min", extremum, own},
            {"Max", extremum, own},
            {"Where", where, linear},
            {"Pow", pow, elementwise},
            {"Clip", clip, elementwise},
            {"Abs", abs, elementwise},
            {"Neg", neg, linear},
            {"Reciprocal", reciprocal, elementwise},
            {"Exp", exp, elementwise},
            {"Log", log, elementwise},
            {"Sqrt", sqrt, elementwise},
            {"Erf", erf, elementwise},
            {"Sin", sin, elementwise},
            {"Cos", cos, elementwise},
            {"Tan", tan, elementwise},
            {"Asin", asin, elementwise},
            {"Acos", acos, elementwise},
            {"Atan", atan, elementwise},
            {"Sinh", sinh, elementwise},
            {"Cosh", cosh, elementwise},
            {"Asinh", asinh, elementwise},
            {"Acosh", acosh, elementwise},
            {"Atanh", atanh, elementwise}};
}

}  // namespace whence::graph
