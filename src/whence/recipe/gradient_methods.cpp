// Methods that need gradients, of the input or of the features of a layer.

#include "whence/gradients/input_x_gradient.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/saliency.h"
#include "whence/recipe/features.h"
#include "whence/recipe/method_table.h"

namespace whence::recipe {
namespace {

Explanation saliency(const Task& task) {
    const Features of(task);
    const Saliency method(of.model(), {.absolute = task.options.get<bool>("absolute")});
    return of.name(method.explain(of.input(), task.target, task.run));
}

Explanation input_x_gradient(const Task& task) {
    const Features of(task);
    const InputXGradient method(of.model(), {.baseline = of.baseline()});
    return of.name(method.explain(of.input(), task.target, task.run));
}

Explanation integrated_gradients(const Task& task) {
    const OptionValues& o = task.options;
    const Features of(task);
    const IntegratedGradients method(of.model(), of.baseline(),
                                     {.steps = o.get<int64_t>("steps"),
                                      .rule = gradients::parse_rule(o.get<std::string>("rule")),
                                      .tolerance = o.get<double>("tolerance"),
                                      .max_steps = o.get<int64_t>("max-steps"),
                                      .exact = o.get<bool>("exact"),
                                      .max_pieces = o.get<int64_t>("max-pieces")});
    return of.name(method.explain(of.input(), task.target, task.run));
}

}  // namespace

std::vector<MethodSpec> gradient_methods() {
    const IntegratedGradientsOptions ig;
    return {
        {.name = "integrated-gradients",
         .summary =
             "gradients summed along the path from the baseline; adds up to f(x) - f(baseline)",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {{{"steps", ig.steps}, "gradient evaluations of a fixed rule; 0: adaptive"},
                     {{"rule", std::string("midpoint")},
                      "fixed rule: midpoint, gauss-legendre or trapezoid"},
                     {{"tolerance", ig.tolerance}, "largest relative attribution error"},
                     {{"max-steps", ig.max_steps}, "gradient evaluations at most, when adaptive"},
                     {{"exact", false}, "exact for small piecewise-linear networks"},
                     {{"max-pieces", ig.max_pieces}, "refuse exact above this many linear pieces"}},
         .explain = integrated_gradients,
         .layer = LayerUse::optional},
        {.name = "saliency",
         .summary = "the gradient: what a small change of each feature would do",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = {{{"absolute", true}, "magnitudes only"}},
         .explain = saliency,
         .layer = LayerUse::optional},
        {.name = "input-x-gradient",
         .summary = "gradient times distance from the baseline: one step of integrated gradients",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {},
         .explain = input_x_gradient,
         .layer = LayerUse::optional},
    };
}

}  // namespace whence::recipe
