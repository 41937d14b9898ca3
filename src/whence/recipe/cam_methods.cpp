// Class activation maps: methods that work on the features of a layer over a picture.

#include "whence/gradients/ablation_cam.h"
#include "whence/gradients/cam.h"
#include "whence/gradients/eigen_cam.h"
#include "whence/gradients/guided_grad_cam.h"
#include "whence/gradients/score_cam.h"
#include "whence/recipe/features.h"
#include "whence/recipe/method_table.h"
#include "whence/recipe/names.h"

namespace whence::recipe {
namespace {

template <class Method>
Explanation by(const Task& task, typename Method::Options options) {
    return Method(task.subject.onnx(), std::move(options))
        .explain(differentiable_input(task), task.target, task.run);
}

template <CamWeights weights>
Explanation cam(const Task& task) {
    return by<Cam>(task, {.weights = weights, .layer = task.layer});
}

Explanation layer_cam(const Task& task) {
    return by<Cam>(task, {.weights = CamWeights::layer_cam,
                          .layer = task.layer,
                          .fuse = parse_names(task.options.get<std::string>("fuse"))});
}

Explanation score_cam(const Task& task) {
    return by<ScoreCam>(task, {.layer = task.layer, .baseline = task.baseline});
}

template <class Method>
Explanation plain(const Task& task) {
    return by<Method>(task, {.layer = task.layer});
}

MethodSpec row(std::string name, std::string summary, Explanation (*explain)(const Task&)) {
    return {.name = std::move(name),
            .summary = std::move(summary),
            .needs_gradient = true,
            .uses_baseline = false,
            .options = {},
            .explain = explain,
            .layer = LayerUse::required};
}

}  // namespace

std::vector<MethodSpec> cam_methods() {
    MethodSpec layer =
        row("layer-cam", "features of a layer times their positive gradients", layer_cam);
    layer.options = {{{"fuse", std::string()}, "further layers to join, separated by commas"}};
    MethodSpec score =
        row("score-cam", "features weighed by the score under their masks", score_cam);
    score.needs_gradient = false;
    score.uses_baseline = true;
    MethodSpec ablation =
        row("ablation-cam", "features weighed by the fall of the score without them",
            plain<AblationCam>);
    ablation.needs_gradient = false;
    MethodSpec eigen =
        row("eigen-cam", "what the features of a layer have most in common", plain<EigenCam>);
    eigen.needs_gradient = false;
    return {
        row("grad-cam", "features of a layer weighed by their mean gradients",
            cam<CamWeights::grad_cam>),
        row("grad-cam++", "Grad-CAM for several objects of one class",
            cam<CamWeights::grad_cam_plus_plus>),
        row("xgrad-cam", "Grad-CAM with gradients averaged by the features",
            cam<CamWeights::xgrad_cam>),
        row("hires-cam", "features of a layer times their gradients", cam<CamWeights::hires_cam>),
        std::move(layer),
        row("odam", "one box of a detector: features times gradients of one output element",
            cam<CamWeights::hires_cam>),
        std::move(score),
        std::move(ablation),
        std::move(eigen),
        row("guided-grad-cam", "guided backpropagation where Grad-CAM is positive",
            plain<GuidedGradCam>),
    };
}

}  // namespace whence::recipe
