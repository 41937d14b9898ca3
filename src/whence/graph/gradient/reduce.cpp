// Reductions. Opset 18 form: the axes are the second input.

#include "whence/graph/gradient/multiplier.h"

namespace whence::graph {
namespace {

// Calls with y or d brought back to the rank of x: reduced axes have length 1.
std::string keep_axes(Backward& n, const std::string& reduced) {
    if (n.node.integer("keepdims", 1) != 0) return reduced;
    // Which axes are gone is read off the shapes of a reduction that keeps them.
    if (const auto axes = n.constant_ints(1); axes && !axes->empty())
        return n.b.node("Unsqueeze", {reduced, n.x(1)});
    std::vector<std::string> inputs = {n.x()};
    if (n.node.has_input(1)) inputs.push_back(n.x(1));
    const int64_t noop = n.node.integer("noop_with_empty_axes", 0);
    const std::string kept = n.b.node("ReduceMax", inputs, {{"noop_with_empty_axes", noop}});
    return n.b.reshape(reduced, n.b.shape(kept));
}

std::string spread(Backward& n, const std::string& kept) {
    return n.b.node("Expand", {kept, n.b.shape(n.x())});
}

void reduce_sum(Backward& n) { n.give(0, spread(n, keep_axes(n, n.d()))); }

void reduce_mean(Backward& n) {
    const auto count = [&](const std::string& t) { return n.b.cast(n.b.node("Size", {t}), n.type()); };
    const std::string share = n.b.div(keep_axes(n, n.d()), n.b.div(count(n.x()), count(n.y())));
    n.give(0, spread(n, share));
}

// The same axes reduced by another operator, kept with length 1.
std::string reduced(Backward& n, const char* op, const std::string& t) {
    std::vector<std::string> inputs = {t};
    if (n.node.has_input(1)) inputs.push_back(n.x(1));
    return n.b.node(op, inputs, {{"noop_with_empty_axes", n.node.integer("noop_with_empty_axes", 0)}});
}

// To the elements that equal the result, in equal parts where several do.
void reduce_extremum(Backward& n) {
    give_picked(n, n.node.is("ReduceMax"), [&](const std::string& x, const std::string& y, const std::string& d) {
        const std::string equal = n.b.cast(n.b.node("Equal", {x, keep_axes(n, y)}), n.type());
        return n.b.mul(equal, n.b.div(keep_axes(n, d), reduced(n, "ReduceSum", equal)));
    });
}

void reduce_l1(Backward& n) {
    n.give(0, n.b.mul(n.b.node("Sign", {n.x()}), keep_axes(n, n.d())));
}

// x / y; at y = 0 the norm has no slope, and 0 is what every framework answers.
void reduce_l2(Backward& n) {
    const std::string y = keep_axes(n, n.y());
    const std::string zero = n.b.node("Equal", {y, n.scalar(0)});
    const std::string safe = n.b.node("Where", {zero, n.scalar(1), y});
    n.give(0, n.b.mul(n.x(), n.b.div(keep_axes(n, n.d()), safe)));
}

// d times the product of the others, zeros or not: P, the product of all that are not zero, over the
// element (unless that is zero itself) where no other is zero; 0 elsewhere.
void reduce_prod(Backward& n) {
    const std::string is_zero = n.b.node("Equal", {n.x(), n.scalar(0)});
    const std::string safe = n.b.node("Where", {is_zero, n.scalar(1), n.x()});
    const std::string zeros = n.b.cast(is_zero, n.type());
    const std::string others = n.b.sub(reduced(n, "ReduceSum", zeros), zeros);
    const std::string product = n.b.div(reduced(n, "ReduceProd", safe), safe);
    const std::string alone = n.b.node("Equal", {others, n.scalar(0)});
    n.give(0, n.b.mul(n.b.node("Where", {alone, product, n.scalar(0)}), keep_axes(n, n.d())));
}

void reduce_sum_square(Backward& n) {
    n.give(0, n.b.mul(n.b.mul(n.x(), n.scalar(2)), keep_axes(n, n.d())));
}

void reduce_log_sum(Backward& n) {
    n.give(0, spread(n, n.b.div(keep_axes(n, n.d()), n.b.node("Exp", {keep_axes(n, n.y())}))));
}

// y = log s, s = sum e^x: two quotients, (e^x - e^x0) / (x - x0) for each element and (y - y0) / (s - s0).
// Both sides are taken relative to the larger of both maxima, so that one of them has s >= 1 and no
// exponential overflows.
std::string multiplier_of_log_sum_exp(Backward& n) {
    const std::string x0 = n.reference(n.x()), y = keep_axes(n, n.y()), y0 = keep_axes(n, n.reference(n.y()));
    const std::string top = n.b.node("Max", {reduced(n, "ReduceMax", n.x()), reduced(n, "ReduceMax", x0)});
    const std::string e = n.b.node("Exp", {n.b.sub(n.x(), top)}), e0 = n.b.node("Exp", {n.b.sub(x0, top)});
    const std::string s = reduced(n, "ReduceSum", e), s0 = reduced(n, "ReduceSum", e0);
    const std::string outer = quotient(n, n.b.sub(y, y0), s, s0, n.b.node("Reciprocal", {s}));
    return n.b.mul(outer, quotient(n, n.b.sub(e, e0), n.x(), x0, e));
}

void reduce_log_sum_exp(Backward& n) {
    const std::string weight = n.deep_lift() ? multiplier_of_log_sum_exp(n)
                                             : n.b.node("Exp", {n.b.sub(n.x(), keep_axes(n, n.y()))});
    n.give(0, n.b.mul(weight, keep_axes(n, n.d())));
}

}  // namespace

std::vector<RuleRow> reduce_rules() {
    using enum Change;
    return {{"ReduceSum", reduce_sum, linear},
            {"ReduceMean", reduce_mean, linear},
            {"ReduceMax", reduce_extremum, own},
            {"ReduceMin", reduce_extremum, own},
            {"ReduceProd", reduce_prod},
            {"ReduceL1", reduce_l1},
            {"ReduceL2", reduce_l2},
            {"ReduceSumSquare", reduce_sum_square},
            {"ReduceLogSum", reduce_log_sum},
            {"ReduceLogSumExp", reduce_log_sum_exp, own}};
}

}  // namespace whence::graph
