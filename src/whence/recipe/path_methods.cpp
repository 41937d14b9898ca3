// Gradient methods that compare with a reference: by the rules of DeepLIFT, or along paths of their
// own.

#include <algorithm>

#include "whence/gradients/blur_ig.h"
#include "whence/gradients/deep_lift.h"
#include "whence/gradients/guided_ig.h"
#include "whence/gradients/idgi.h"
#include "whence/gradients/integrated_hessians.h"
#include "whence/gradients/xrai.h"
#include "whence/recipe/gradient_rows.h"

namespace whence::recipe {
namespace {

Explanation deep_lift(const Task& task) {
    return explain_features(
        task, [&](const Features& of) { return DeepLift(of.model(), of.baseline()); });
}

Explanation deep_shap(const Task& task) {
    return explain_features(task, [&](const Features& of) {
        return DeepShap(of.model(), of.background(), describe(of.baseline()));
    });
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

Explanation integrated_hessians(const Task& task) {
    const IntegratedHessians method(
        task.subject.onnx(), task.baseline,
        {.steps = whole(task, "steps"), .difference = number(task, "difference")});
    return method.explain(differentiable_input(task), task.target, task.run);
}

Explanation blur_ig(const Task& task) {
    const BlurIg method(task.subject.onnx(),
                        {.steps = whole(task, "steps"), .max_sigma = number(task, "max-sigma")});
    return method.explain(differentiable_input(task), task.target, task.run);
}

Explanation xrai(const Task& task) {
    const Xrai method(task.subject.onnx(), {.steps = whole(task, "steps"),
                                             .min_size = whole(task, "min-size"),
                                             .radius = whole(task, "radius"),
                                             .least = whole(task, "least")});
    return method.explain(differentiable_input(task), task.target, task.run);
}

std::vector<MethodSpec> complete_methods() {
    const IntegratedHessiansOptions hessians;
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
    };
}

std::vector<MethodSpec> other_path_methods() {
    const GuidedIgOptions guided;
    const BlurIgOptions blur;
    const XraiOptions regions;
    return {
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

}  // namespace

std::vector<MethodSpec> path_methods() {
    std::vector<MethodSpec> all = complete_methods();
    std::ranges::move(other_path_methods(), std::back_inserter(all));
    return all;
}

}  // namespace whence::recipe
