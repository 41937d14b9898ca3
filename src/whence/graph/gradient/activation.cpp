// Activations: y = s(x), so the gradient is d * s'(x). Masks are taken from the output where that is
// possible: then ONNX Runtime can still fuse the activation into the operator before it.

#include <cmath>
#include <numbers>

#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

constexpr double selu_alpha = 1.67326319217681884765625, selu_gamma = 1.05070102214813232421875;

// Guided backpropagation and deconvolution also stop what is negative, the latter whatever x is
// (Springenberg et al. 2015, section 3.4; Zeiler, Fergus 2014, section 2.1).
void relu(Backward& n) {
    const bool guided = n.notes.options.rules == Rules::guided, deconvolution = n.notes.options.rules == Rules::deconvolution;
    const std::string d = guided || deconvolution ? n.b.node("Relu", {n.d()}) : n.d();
    n.give(0, deconvolution ? d : n.b.mul(d, n.positive(n.y())));
}

// mask + (1 - mask) * below: slope 1 above zero, `below` elsewhere.
std::string slope_below(Backward& n, const std::string& mask, const std::string& below) {
    return n.b.add(mask, n.b.mul(n.b.sub(n.scalar(1), mask), below));
}

void leaky_relu(Backward& n) {
    const std::string slope = n.scalar(n.node.number("alpha", 0.01F));
    n.give(0, n.b.mul(n.d(), slope_below(n, n.positive(n.x()), slope)));
}

void prelu(Backward& n) {
    const std::string mask = n.positive(n.x());
    if (n.wants(0)) n.give(0, n.b.mul(n.d(), slope_below(n, mask, n.x(1))));
    if (n.wants(1))
        n.give_broadcast(1, n.b.mul(n.d(), n.b.mul(n.x(), n.b.sub(n.scalar(1), mask))));
}

void elu(Backward& n) {
    // Below zero y = alpha (e^x - 1), whose slope is y + alpha.
    const std::string below = n.b.add(n.y(), n.scalar(n.node.number("alpha", 1.0F)));
    n.give(0, n.b.mul(n.d(), slope_below(n, n.positive(n.x()), below)));
}

void selu(Backward& n) {
    const double alpha = n.node.number("alpha", selu_alpha), gamma = n.node.number("gamma", selu_gamma);
    const std::string mask = n.positive(n.x());
    const std::string below = n.b.add(n.y(), n.scalar(alpha * gamma));
    const std::string above = n.b.mul(mask, n.scalar(gamma));
    n.give(0, n.b.mul(n.d(), n.b.add(above, n.b.mul(n.b.sub(n.scalar(1), mask), below))));
}

void celu(Backward& n) {
    // Below zero y = alpha (e^(x/alpha) - 1), whose slope is y/alpha + 1.
    const std::string below =
        n.b.add(n.b.div(n.y(), n.scalar(n.node.number("alpha", 1.0F))), n.scalar(1));
    n.give(0, n.b.mul(n.d(), slope_below(n, n.positive(n.x()), below)));
}

void thresholded_relu(Backward& n) {
    const std::string over = n.b.sub(n.x(), n.scalar(n.node.number("alpha", 1.0F)));
    n.give(0, n.b.mul(n.d(), n.positive(over)));
}

// 1 where 0 < t < 1.
std::string inside_unit(Backward& n, const std::string& t) {
    return n.b.mul(n.positive(t), n.positive(n.b.sub(n.scalar(1), t)));
}

void hard_sigmoid(Backward& n) {
    const std::string slope = n.b.mul(inside_unit(n, n.y()), n.scalar(n.node.number("alpha", 0.2F)));
    n.give(0, n.b.mul(n.d(), slope));
}

void hard_swish(Backward& n) {
    // y = x h(x), h = clip(x/6 + 1/2, 0, 1): slope h + x h'.
    const std::string h =
        n.b.node("HardSigmoid", {n.x()}, {{"alpha", static_cast<float>(1.0 / 6)}, {"beta", 0.5F}});
    const std::string tail = n.b.mul(n.b.mul(n.x(), n.scalar(1.0 / 6)), inside_unit(n, h));
    n.give(0, n.b.mul(n.d(), n.b.add(h, tail)));
}

void sigmoid(Backward& n) {
    n.give(0, n.b.mul(n.d(), n.b.mul(n.y(), n.b.sub(n.scalar(1), n.y()))));
}

void tanh(Backward& n) {
    n.give(0, n.b.mul(n.d(), n.b.sub(n.scalar(1), n.b.mul(n.y(), n.y()))));
}

void softplus(Backward& n) { n.give(0, n.b.mul(n.d(), n.b.node("Sigmoid", {n.x()}))); }

void softsign(Backward& n) {
    const std::string one_plus = n.b.add(n.scalar(1), n.b.node("Abs", {n.x()}));
    n.give(0, n.b.div(n.d(), n.b.mul(one_plus, one_plus)));
}

void mish(Backward& n) {
    // y = x t, t = tanh(softplus(x)): slope t + x (1 - t^2) sigmoid(x).
    const std::string t = n.b.node("Tanh", {n.b.node("Softplus", {n.x()})});
    const std::string bend = n.b.mul(n.b.sub(n.scalar(1), n.b.mul(t, t)), n.b.node("Sigmoid", {n.x()}));
    n.give(0, n.b.mul(n.d(), n.b.add(t, n.b.mul(n.x(), bend))));
}

void swish(Backward& n) {
    // y = x s(alpha x): slope s + alpha y (1 - s).
    const std::string alpha = n.scalar(n.node.number("alpha", 1.0F));
    const std::string s = n.b.node("Sigmoid", {n.b.mul(n.x(), alpha)});
    const std::string bend = n.b.mul(n.b.mul(n.y(), alpha), n.b.sub(n.scalar(1), s));
    n.give(0, n.b.mul(n.d(), n.b.add(s, bend)));
}

void shrink(Backward& n) {
    // x moved towards zero by `bias` where |x| > lambd, else 0.
    const double edge = n.node.number("lambd", 0.5F);
    n.give(0, n.b.mul(n.d(), n.b.add(n.above(n.x(), edge), n.below(n.x(), -edge))));
}

std::string normal_density(Backward& n) {
    const std::string square = n.b.mul(n.x(), n.x());
    return n.b.mul(n.b.node("Exp", {n.b.mul(square, n.scalar(-0.5))}),
                   n.scalar(1 / std::sqrt(2 * std::numbers::pi)));
}

void gelu(Backward& n) {
    if (n.node.text("approximate", "none") == "none") {
        // y = x Phi(x): slope Phi + x phi.
        const std::string erf = n.b.node("Erf", {n.b.mul(n.x(), n.scalar(1 / std::numbers::sqrt2))});
        const std::string cdf = n.b.mul(n.b.add(erf, n.scalar(1)), n.scalar(0.5));
        return n.give(0, n.b.mul(n.d(), n.b.add(cdf, n.b.mul(n.x(), normal_density(n)))));
    }
    // y = x (1 + tanh u) / 2, u = sqrt(2/pi) (x + 0.044715 x^3).
    const double c = std::sqrt(2 / std::numbers::pi);
    const std::string square = n.b.mul(n.x(), n.x());
    const std::string u = n.b.mul(n.b.mul(n.x(), n.scalar(c)),
                                  n.b.add(n.scalar(1), n.b.mul(square, n.scalar(0.044715))));
    const std::string t = n.b.node("Tanh", {u});
    const std::string du =
        n.b.mul(n.scalar(c), n.b.add(n.scalar(1), n.b.mul(square, n.scalar(3 * 0.044715))));
    const std::string bend = n.b.mul(n.b.mul(n.x(), du), n.b.sub(n.scalar(1), n.b.mul(t, t)));
    const std::string slope = n.b.mul(n.scalar(0.5), n.b.add(n.b.add(n.scalar(1), t), bend));
    n.give(0, n.b.mul(n.d(), slope));
}

// y * (d - sum(d * y)) along the axis (Softmax); d - exp(y) * sum(d) (LogSoftmax).
void softmax(Backward& n) {
    const std::vector<int64_t> axis = {n.node.integer("axis", -1)};
    const std::string dot = n.b.reduce_sum(n.b.mul(n.d(), n.y()), axis, true);
    n.give(0, n.b.mul(n.y(), n.b.sub(n.d(), dot)));
}

void log_softmax(Backward& n) {
    const std::vector<int64_t> axis = {n.node.integer("axis", -1)};
    const std::string sum = n.b.reduce_sum(n.d(), axis, true);
    n.give(0, n.b.sub(n.d(), n.b.mul(n.b.node("Exp", {n.y()}), sum)));
}

}  // namespace

std::vector<RuleRow> activation_rules() {
    using enum Change;
    return {{"Relu", relu, elementwise},
            {"LeakyRelu", leaky_relu, elementwise},
            {"PRelu", prelu, elementwise},
            {"Elu", elu, elementwise},
            {"Selu", selu, elementwise},
            {"Celu", celu, elementwise},
            {"ThresholdedRelu", thresholded_relu, elementwise},
            {"HardSigmoid", hard_sigmoid, elementwise},
            {"HardSwish", hard_swish, elementwise},
            {"Sigmoid", sigmoid, elementwise},
            {"Tanh", tanh, elementwise},
            {"Softplus", softplus, elementwise},
            {"Softsign", softsign, elementwise},
            {"Mish", mish, elementwise},
            {"Gelu", gelu, elementwise},
            {"Swish", swish, elementwise},
            {"Shrink", shrink, elementwise},
            {"Softmax", softmax},
            {"LogSoftmax", log_softmax}};
}

}  // namespace whence::graph
