#pragma once
// All of Whence that most programs need.
//
//   const auto subject = whence::recipe::Subject::load("model.onnx");
//   const auto input = whence::recipe::read_input(subject, "table.csv", 17);
//   const auto why = whence::recipe::explain(subject, input, {.method = "integrated-gradients"},
//   {});

#include "whence/core/error.h"
#include "whence/core/explanation.h"
#include "whence/core/explanation_json.h"
#include "whence/core/version.h"
#include "whence/evaluate/evaluate.h"
#include "whence/gradients/input_x_gradient.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/saliency.h"
#include "whence/global/curves.h"
#include "whence/global/importance.h"
#include "whence/global/interaction.h"
#include "whence/mask/segmentation.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/occlusion.h"
#include "whence/perturb/submodular_pick.h"
#include "whence/recipe/global.h"
#include "whence/recipe/predict.h"
#include "whence/recipe/recipe.h"
#include "whence/render/chart.h"
#include "whence/render/global.h"
#include "whence/render/heatmap.h"
#include "whence/render/html.h"
#include "whence/render/score_card.h"
#include "whence/render/text.h"
#include "whence/runtime/environment.h"
#include "whence/runtime/onnx_model.h"
#include "whence/shapley/shap.h"
#include "whence/surrogate/linear.h"
#include "whence/surrogate/rules.h"
