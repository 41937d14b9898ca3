// Methods that need gradients, of the input or of the features of a layer.

#include <algorithm>

#include "whence/core/error.h"
#include "whence/gradients/activation_maximisation.h"
#include "whence/gradients/blur_ig.h"
#include "whence/gradients/deep_lift.h"
#include "whence/gradients/difference_map.h"
#include "whence/gradients/expected_gradients.h"
#include "whence/gradients/guided_ig.h"
#include "whence/gradients/idgi.h"
#include "whence/gradients/input_x_gradient.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/integrated_hessians.h"
#include "whence/gradients/layer_path.h"
#include "whence/gradients/relu_rules.h"
#include "whence/gradients/saliency.h"
#include "whence/gradients/smooth_grad.h"
#include "whence/gradients/taylor.h"
#include "whence/gradients/xrai.h"
#include "whence/recipe/features.h"
#include "whence/recipe/method_table.h"

namespace whence::recipe {
namespace {

int64_t whole(const Task& task, std::string_view option) {
    return task.options.get<int64_t>(option);
}
double number(const Task& task, std::string_view option) {
    return task.options.get<double>(option);
}
gradients::Rule rule(const Task& task) {
    return gradients::parse_rule(task.options.get<std::string>("rule"));
}

// Explains the input, or the features of a layer, with the method that `make` returns for them.
template <class Make>
Explanation explain_features(const Task& task, const Make& make) {
    const Features of(task);
    return of.name(make(of).explain(of.input(), task.target, task.run));
}

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

Explanation integrated_gradients(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return IntegratedGradients(of.model(), of.baseline(),
                                   {.steps = whole(task, "steps"),
                                    .rule = rule(task),
                                    .tolerance = number(task, "tolerance"),
                                    .max_steps = whole(task, "max-steps"),
                                    .exact = task.options.get<bool>("exact"),
                                    .max_pieces = whole(task, "max-pieces")});
    });
}

template <SmoothGradOptions::Statistic statistic>
Explanation smooth_grad(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return SmoothGrad(of.model(), {.statistic = statistic,
                                       .samples = whole(task, "samples"),
                                       .noise = number(task, "noise")});
    });
}

Explanation expected_gradients(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return ExpectedGradients(
            of.model(), of.background(), describe(of.baseline()),
            {.samples = whole(task, "samples"), .noise = number(task, "noise")});
    });
}

Explanation deep_lift(const Task& task) {
    return explain_features(
        task, [&](const Features& of) { return DeepLift(of.model(), of.baseline()); });
}

Explanation deep_shap(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return DeepShap(of.model(), of.background(), describe(of.baseline()));
    });
}

template <Rules rules>
Explanation relu_rules(const Task& task) {
    return explain_features(
        task, [&](const Features& of) { return ReluRules(of.model(), {.rules = rules}); });
}

Explanation idgi(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return Idgi(of.model(), of.baseline(), {.steps = whole(task, "steps")});
    });
}

Explanation guided_ig(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return GuidedIg(of.model(), of.baseline(),
                        {.steps = whole(task, "steps"),
                         .fraction = number(task, "fraction"),
                         .max_distance = number(task, "max-distance"),
                         .compatible = task.options.get<bool>("compatible")});
    });
}

Explanation difference_map(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return DifferenceMap(of.model(), {.baseline = of.baseline()});
    });
}

// Pairs of a table's columns by name.
void name_pairs(const Input& input, Attribution& attribution) {
    if (!input.is_table()) return;
    for (const auto& a : input.schema)
        for (const auto& b : input.schema)
            attribution.names.push_back(&a == &b ? a.name : a.name + " x " + b.name);
}

Explanation integrated_hessians(const Task& task) {
    const IntegratedHessians method(
        task.subject.model(), task.baseline,
        {.steps = whole(task, "steps"), .difference = number(task, "difference")});
    Explanation explanation = method.explain(differentiable_input(task), task.target, task.run);
    name_pairs(task.input, explanation.attribution);
    return explanation;
}

Explanation blur_ig(const Task& task) {
    const BlurIg method(task.subject.model(),
                        {.steps = whole(task, "steps"), .max_sigma = number(task, "max-sigma")});
    return method.explain(differentiable_input(task), task.target, task.run);
}

// The unit of a layer that is to be seen: channel k at the middle of the map, or where k is -1 the
// one that this input excites most.
Target unit_of(const Shape& features, int64_t channel) {
    if (channel < 0) return {};
    if (features.size() < 2 || channel >= features[1])
        throw Error(ErrorKind::usage, "no channel " + std::to_string(channel) +
                                          " in a layer of shape " + to_string(features));
    int64_t index = channel;
    for (size_t d = 2; d < features.size(); ++d) index = index * features[d] + features[d] / 2;
    return {.index = index};
}

// A result names outputs of the model alone, so the unit of a layer goes into a note.
Explanation of_whole_model(const Task& task, Explanation explanation) {
    const int64_t unit = explanation.target.resolved.index;
    const Batch& input = task.input.batch;
    const Model& model = task.subject.model();
    ResolvedTarget& target = explanation.target.resolved;
    target = resolve(task.target, model, input, Scale::logit, task.run);
    explanation.target.value = target_values(target, model.predict(input, task.run)).at(0);
    explanation.provenance.evaluations += 2;
    explanation.diagnostics.notes.push_back("what is sought excites unit " + std::to_string(unit) +
                                            " of layer " + printable(task.layer) +
                                            "; the target above is the model's own");
    return explanation;
}

Explanation activation_maximisation(const Task& task) {
    const Batch& input = differentiable_input(task);
    const ActivationMaximisationOptions options{.steps = whole(task, "steps"),
                                                .rate = number(task, "rate"),
                                                .decay = number(task, "decay"),
                                                .blur = number(task, "blur"),
                                                .blur_every = whole(task, "blur-every")};
    const int64_t channel = whole(task, "channel");
    if (task.layer.empty()) {
        if (channel >= 0)
            throw Error(ErrorKind::usage, "--channel is one of a layer: give --layer too");
        return ActivationMaximisation(task.subject.model(), options)
            .explain(input, task.target, task.run);
    }
    const Split parts = task.subject.model().split(task.layer);
    const Shape features = parts.below->predict(input, task.run)[0].value.shape();
    Explanation explanation = ActivationMaximisation(*parts.below, options)
                                  .explain(input, unit_of(features, channel), task.run);
    return of_whole_model(task, std::move(explanation));
}

Explanation xrai(const Task& task) {
    const Xrai method(task.subject.model(), {.steps = whole(task, "steps"),
                                             .min_size = whole(task, "min-size"),
                                             .radius = whole(task, "radius"),
                                             .least = whole(task, "least")});
    return method.explain(differentiable_input(task), task.target, task.run);
}

// The path of these runs in the input, whichever layer looks on.
const Batch& input_of_path(const Task& task) {
    if (task.features_baseline)
        throw Error(ErrorKind::usage,
                    "the path runs in the input, so the baseline must be one of the input, not of "
                    "features");
    return differentiable_input(task);
}

Explanation layer_conductance(const Task& task) {
    const Batch& input = input_of_path(task);
    const LayerConductance method(task.subject.model(), task.layer, task.baseline,
                                  {.steps = whole(task, "steps")});
    return method.explain(input, task.target, task.run);
}

Explanation internal_influence(const Task& task) {
    const Batch& input = input_of_path(task);
    const InternalInfluence method(task.subject.model(), task.layer, task.baseline,
                                   {.steps = whole(task, "steps"), .rule = rule(task)});
    return method.explain(input, task.target, task.run);
}

OptionSpec rule_option() {
    return {{"rule", std::string("midpoint")}, "fixed rule: midpoint, gauss-legendre or trapezoid"};
}

// Integrated gradients goes by two names: with any layer, and with the layer required.
std::vector<OptionSpec> integrated_gradients_options() {
    const IntegratedGradientsOptions ig;
    return {{{"steps", ig.steps}, "gradient evaluations; 0: as many as the tolerance asks for"},
            rule_option(),
            {{"tolerance", ig.tolerance}, "largest relative attribution error"},
            {{"max-steps", ig.max_steps}, "gradient evaluations at most, when adaptive"},
            {{"exact", false}, "exact for small piecewise-linear networks"},
            {{"max-pieces", ig.max_pieces}, "refuse exact above this many linear pieces"}};
}

OptionSpec steps_option(int64_t steps) {
    return {{"steps", steps}, "gradient evaluations along the path"};
}

std::vector<OptionSpec> noise_options(int64_t samples, double noise) {
    return {{{"samples", samples}, "random samples, one gradient evaluation each"},
            {{"noise", noise}, "standard deviation as a share of largest minus smallest number"}};
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

std::vector<MethodSpec> random_methods() {
    using Statistic = SmoothGradOptions::Statistic;
    const SmoothGradOptions smooth;
    const ExpectedGradientsOptions expected;
    return {
        {.name = "smoothgrad",
         .summary = "the gradient averaged over noisy copies of the input",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = noise_options(smooth.samples, smooth.noise),
         .explain = smooth_grad<Statistic::mean>,
         .layer = LayerUse::optional},
        {.name = "smoothgrad-squared",
         .summary = "the squared gradient averaged over noisy copies of the input",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = noise_options(smooth.samples, smooth.noise),
         .explain = smooth_grad<Statistic::square>,
         .layer = LayerUse::optional},
        {.name = "vargrad",
         .summary = "the variance of the gradient over noisy copies of the input",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = noise_options(smooth.samples, smooth.noise),
         .explain = smooth_grad<Statistic::variance>,
         .layer = LayerUse::optional},
        {.name = "expected-gradients",
         .summary =
             "integrated gradients averaged over baselines (GradientSHAP); adds up on average",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = noise_options(expected.samples, expected.noise),
         .explain = expected_gradients,
         .layer = LayerUse::optional,
         .baseline_set = true},
    };
}

std::vector<MethodSpec> path_methods() {
    const GuidedIgOptions guided;
    const BlurIgOptions blur;
    const IntegratedHessiansOptions hessians;
    const XraiOptions regions;
    return {
        {.name = "deep-lift",
         .summary = "differences from the baseline, passed back through every layer (rescale rule)",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {},
         .explain = deep_lift,
         .layer = LayerUse::optional},
        {.name = "deep-shap",
         .summary = "deep-lift averaged over baselines",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {},
         .explain = deep_shap,
         .layer = LayerUse::optional,
         .baseline_set = true},
        {.name = "guided-ig",
         .summary = "integrated gradients along a path that moves the least sensitive first",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {steps_option(guided.steps),
                     {{"fraction", guided.fraction}, "share of the features that moves at once"},
                     {{"max-distance", guided.max_distance},
                      "how far from the straight line, as a share of its length"},
                     {{"compatible", false}, "the authors' sum, which misses f(x) - f(baseline)"}},
         .explain = guided_ig,
         .layer = LayerUse::optional},
        {.name = "blur-ig",
         .summary = "gradients summed while the picture comes into focus",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = {steps_option(blur.steps),
                     {{"max-sigma", blur.max_sigma}, "strongest blur, in pixels"}},
         .explain = blur_ig},
        {.name = "idgi",
         .summary = "changes of the output along the path, shared out by squared gradient",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {steps_option(IdgiOptions{}.steps)},
         .explain = idgi,
         .layer = LayerUse::optional},
        {.name = "integrated-hessians",
         .summary = "interactions of all pairs of features, of a small input and a smooth model",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {steps_option(hessians.steps),
                     {{"difference", hessians.difference},
                      "step of differences, as a share of x - baseline; 0: for smooth models"}},
         .explain = integrated_hessians},
        {.name = "xrai",
         .summary = "regions of a picture, ranked by the mean of their integrated gradients",
         .needs_gradient = true,
         .uses_baseline = false,
         .options = {steps_option(regions.steps),
                     {{"min-size", regions.min_size}, "pixels of a segment, of 224 x 224"},
                     {{"radius", regions.radius}, "pixels by which segments are widened"},
                     {{"least", regions.least}, "fewest new pixels of a region, of 224 x 224"}},
         .explain = xrai},
    };
}

std::vector<MethodSpec> picture_methods() {
    const ActivationMaximisationOptions ascent;
    return {{.name = "activation-maximisation",
             .summary = "an input that a class, or a unit of a layer, likes: feature visualisation",
             .needs_gradient = true,
             .uses_baseline = false,
             .options = {steps_option(ascent.steps),
                         {{"rate", ascent.rate}, "length of a step, as a share of the range"},
                         {{"decay", ascent.decay}, "how far each step goes back to the mean"},
                         {{"blur", ascent.blur}, "blur in pixels, now and then; 0: never"},
                         {{"blur-every", ascent.blur_every}, "steps from one blur to the next"},
                         {{"channel", int64_t{-1}},
                          "of the layer, at its middle; -1: the unit this input excites most"}},
             .explain = activation_maximisation,
             .layer = LayerUse::optional}};
}

std::vector<MethodSpec> layer_methods() {
    return {
        {.name = "baseline-integrated-gradients",
         .summary = "integrated gradients of a layer's features, from those of the baseline",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = integrated_gradients_options(),
         .explain = integrated_gradients,
         .layer = LayerUse::required},
        {.name = "difference-map",
         .summary = "gradient of a layer times its difference from the baseline's features",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {},
         .explain = difference_map,
         .layer = LayerUse::required},
        {.name = "layer-conductance",
         .summary = "what flows through each unit of a layer on the way from the baseline",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {steps_option(LayerConductanceOptions{}.steps)},
         .explain = layer_conductance,
         .layer = LayerUse::required},
        {.name = "internal-influence",
         .summary = "mean gradient of each unit of a layer on the way from the baseline",
         .needs_gradient = true,
         .uses_baseline = true,
         .options = {steps_option(InternalInfluenceOptions{}.steps), rule_option()},
         .explain = internal_influence,
         .layer = LayerUse::required},
    };
}

}  // namespace

std::vector<MethodSpec> gradient_methods() {
    std::vector<MethodSpec> all;
    for (auto part :
         {plain_methods(), random_methods(), path_methods(), layer_methods(), picture_methods()})
        std::ranges::move(part, std::back_inserter(all));
    return all;
}

}  // namespace whence::recipe
