// Gradient methods that need a layer, and the one that looks for what a unit of it likes.

#include "whence/core/error.h"
#include "whence/gradients/activation_maximisation.h"
#include "whence/gradients/difference_map.h"
#include "whence/gradients/layer_path.h"
#include "whence/recipe/gradient_rows.h"

namespace whence::recipe {
namespace {

Explanation difference_map(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return DifferenceMap(of.model(), {.baseline = of.baseline()});
    });
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
    const Model& model = task.subject.onnx();
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
        return ActivationMaximisation(task.subject.onnx(), options)
            .explain(input, task.target, task.run);
    }
    const Split parts = task.subject.onnx().split(task.layer);
    const Shape features = parts.below->predict(input, task.run)[0].value.shape();
    Explanation explanation = ActivationMaximisation(*parts.below, options)
                                  .explain(input, unit_of(features, channel), task.run);
    return of_whole_model(task, std::move(explanation));
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
    const LayerConductance method(task.subject.onnx(), task.layer, task.baseline,
                                  {.steps = whole(task, "steps")});
    return method.explain(input, task.target, task.run);
}

Explanation internal_influence(const Task& task) {
    const Batch& input = input_of_path(task);
    const InternalInfluence method(
        task.subject.onnx(), task.layer, task.baseline,
        {.steps = whole(task, "steps"),
         .rule = gradients::parse_rule(task.options.get<std::string>("rule"))});
    return method.explain(input, task.target, task.run);
}

}  // namespace

std::vector<MethodSpec> layer_methods() {
    const ActivationMaximisationOptions ascent;
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
        {.name = "activation-maximisation",
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
         .layer = LayerUse::optional},
    };
}

}  // namespace whence::recipe
