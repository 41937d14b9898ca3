// Rounding to integers and back, straight through (Bengio, Leonard, Courville 2013, section 4): the
// slope of the pair is 1 where it only rounds, 0 where it clips. What flows through the integers in
// between is the gradient of the numbers they stand for.

#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

// Only rounded: no further from what it stands for than half a step, and a little for rounding.
void quantize(Backward& n) {
    const Tensor* scale = n.b.graph().constant(n.x(1));
    if (!scale || scale->size() != 1) n.refuse("a scale that is no constant number");
    std::vector<std::string> inputs = n.node.inputs;
    inputs[0] = n.y();
    const std::string off = n.b.sub(n.x(), n.b.node("DequantizeLinear", inputs));
    const std::string half = n.scalar(scale->to_doubles()[0] * 0.5001);
    const std::string inside = n.b.node("LessOrEqual", {n.b.node("Abs", {off}), half});
    n.give(0, n.b.mul(n.d(), n.b.cast(inside, n.type())));
}

void dequantize(Backward& n) {
    if (n.wants(0)) n.give(0, n.d());
    if (n.wants(1)) n.refuse("its scale depends on the input");
}

}  // namespace

std::vector<RuleRow> quantize_rules() {
    return {{"QuantizeLinear", quantize}, {"DequantizeLinear", dequantize}};
}

}  // namespace whence::graph
