// Methods that need gradients, of the input or of the features of a layer: those of one point or
// the straight path.

#include <algorithm>

#include "whence/gradients/input_x_gradient.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/relu_rules.h"
#include "whence/gradients/saliency.h"
#include "whence/gradients/taylor.h"
#include "whence/recipe/gradient_rows.h"

namespace whence::recipe {
namespace {

Explanation saliency(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return Saliency(of.model(), {.absolute = task.options.get<bool>("absolute")});
    });
}

Explanation input_x_gradient(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return InputXGradient(of.model(), {.baseline = of.baseline()});
    });
}

Explanation taylor(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return Taylor(of.model(),
                      {.about = TaylorOptions::parse_about(task.options.get<std::string>("about")),
                       .order = whole(task, "order"),
                       .baseline = of.baseline()});
    });
}

template <Rules rules>
Explanation relu_rules(const Task& task) {
    return explain_features(
        task, [&](const Features& of) { return ReluRules(of.model(), {.rules = rules}); });
}

std::vector<MethodSpec> plain_methods() {
    return {
        {.name = "integrated-gradients",
         .summary =
             "gradients summed along the path from the baseline; adds up to f(x) - f(baseline)",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = integrated_gradients_options(),
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
        {.name = "taylor",
         .summary = "Taylor expansion about the input, the baseline or the midpoint between them",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {{{"about", std::string("midpoint")}, "input, baseline or midpoint"},
                     {{"order", int64_t{1}}, "1, or 2 by differences of gradients"}},
         .explain = taylor,
         .layer = LayerUse::optional},
        {.name = "guided-backprop",
         .summary = "the gradient without what is negative, at every ReLU: what the network sees",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = {},
         .explain = relu_rules<Rules::guided>,
         .layer = LayerUse::optional},
        {.name = "deconvolution",
         .summary = "the gradient as if every ReLU passed all that is positive",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = {},
         .explain = relu_rules<Rules::deconvolution>,
         .layer = LayerUse::optional},
    };
}

}  // namespace

Explanation integrated_gradients(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return IntegratedGradients(
            of.model(), of.baseline(),
            {.steps = whole(task, "steps"),
             .rule = gradients::parse_rule(task.options.get<std::string>("rule")),
             .tolerance = number(task, "tolerance"),
             .max_steps = whole(task, "max-steps"),
             .exact = task.options.get<bool>("exact"),
             .max_pieces = whole(task, "max-pieces")});
    });
}

std::vector<OptionSpec> integrated_gradients_options() {
    const IntegratedGradientsOptions ig;
    return {{{"steps", ig.steps}, "gradient evaluations; 0: as many as the tolerance asks for"},
            rule_option(),
            {{"tolerance", ig.tolerance}, "largest relative attribution error"},
            {{"max-steps", ig.max_steps}, "gradient evaluations at most, when adaptive"},
            {{"exact", false}, "exact for small piecewise-linear networks"},
            {{"max-pieces", ig.max_pieces}, "refuse exact above this many linear pieces"}};
}

std::vector<MethodSpec> gradient_methods() {
    std::vector<MethodSpec> all;
    for (auto part : {plain_methods(), random_methods(), path_methods(), layer_methods()})
        std::ranges::move(part, std::back_inserter(all));
    return all;
}

}  // namespace whence::recipe
