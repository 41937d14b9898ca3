// CAMs and attention against pytorch-grad-cam and PyTorch: tests/golden/make_cams.py wrote the
// answers.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/support.h"
#include "whence/data/npy.h"
#include "whence/gradients/ablation_cam.h"
#include "whence/gradients/attention.h"
#include "whence/gradients/cam.h"
#include "whence/gradients/eigen_cam.h"
#include "whence/gradients/guided_grad_cam.h"
#include "whence/gradients/score_cam.h"
#include "whence/runtime/onnx_model.h"

namespace whence {
namespace {

using testing::plain_run;

const std::filesystem::path folder = std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/golden/cams";

// The answers are in double, the networks here in float32. A sum of some hundred terms rounds by
// about 6e-8 sqrt(300) = 1e-6 of itself, and five such layers lie between input and map.
constexpr double tolerance = 5e-6;

struct Golden {
    OnnxModel model;
    std::vector<NamedTensor> arrays;

    explicit Golden(const std::string& name)
        : model(OnnxModel::load(folder / (name + ".onnx"))),
          arrays(data::read_npz(folder / (name + ".npz"))) {}
    const Tensor& at(const std::string& name) const {
        for (const NamedTensor& array : arrays)
            if (array.name == name) return array.value;
        throw Error(ErrorKind::input, "the golden file lacks " + name);
    }
    double number(const std::string& name) const { return at(name).to_doubles().at(0); }
    Explanation explained_by(const Explainer& method) const {
        return method.explain(at("x"), {}, plain_run);
    }
};

double error_of(const Explanation& explanation, const Tensor& golden) {
    const std::vector<double> got = explanation.attribution.values.to_doubles(),
                              wanted = golden.to_doubles();
    EXPECT_EQ(got.size(), wanted.size());
    double worst = 0, largest = 0;
    for (size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
        worst = std::max(worst, std::abs(got[i] - wanted[i]));
        largest = std::max(largest, std::abs(wanted[i]));
    }
    EXPECT_GT(largest, 0);
    return worst / largest;
}

class CamGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(CamGolden, GradientMapsAreThoseOfPytorchGradCam) {
    const Golden golden(GetParam());
    for (const CamWeights weights :
         {CamWeights::grad_cam, CamWeights::grad_cam_plus_plus, CamWeights::xgrad_cam,
          CamWeights::hires_cam, CamWeights::layer_cam}) {
        SCOPED_TRACE(name(weights));
        const Explanation e =
            golden.explained_by(Cam(golden.model, {.weights = weights, .layer = "features"}));
        EXPECT_LT(error_of(e, golden.at(name(weights))), tolerance);
        EXPECT_EQ(e.target.resolved.index, static_cast<int64_t>(golden.number("target")));
        EXPECT_NEAR(e.target.value, golden.number("value"), tolerance);
        EXPECT_NEAR(e.target.baseline_value.value(), golden.number("zero"), tolerance);
        ASSERT_TRUE(e.diagnostics.attribution_error.has_value());
    }
}

TEST_P(CamGolden, ScoreCamIs) {
    const Golden golden(GetParam());
    const Explanation e = golden.explained_by(ScoreCam(golden.model, {.layer = "features"}));
    EXPECT_LT(error_of(e, golden.at("score-cam")), tolerance);
}

TEST_P(CamGolden, AblationCamIs) {
    const Golden golden(GetParam());
    const Explanation e = golden.explained_by(AblationCam(golden.model, {.layer = "features"}));
    EXPECT_LT(error_of(e, golden.at("ablation-cam")), tolerance);
}

TEST_P(CamGolden, EigenCamIs) {
    const Golden golden(GetParam());
    const Explanation e = golden.explained_by(EigenCam(golden.model, {.layer = "features"}));
    EXPECT_LT(error_of(e, golden.at("eigen-cam")), tolerance);
}

TEST_P(CamGolden, GuidedGradCamIs) {
    const Golden golden(GetParam());
    const Explanation e = golden.explained_by(GuidedGradCam(golden.model, {.layer = "features"}));
    EXPECT_LT(error_of(e, golden.at("guided-grad-cam")), tolerance);
    EXPECT_EQ(e.attribution.values.shape(), golden.at("x").shape());
    EXPECT_EQ(e.attribution.layer, "");
    EXPECT_EQ(e.provenance.gradient_evaluations, 2);
}

INSTANTIATE_TEST_SUITE_P(Networks, CamGolden,
                         ::testing::Values("resnet", "mobilenet", "densenet", "squeezenet", "vgg"),
                         [](const auto& network) { return std::string(network.param); });

// Negative control: the comparison tells methods apart where they differ, and notices a map that is
// wrong by twice the tolerance.
TEST(CamGoldenControl, AWrongMapIsNoticed) {
    const Golden golden("vgg");
    Explanation e = golden.explained_by(Cam(golden.model, {.layer = "features"}));
    EXPECT_GT(error_of(e, golden.at("hires-cam")), 100 * tolerance);
    const auto values = e.attribution.values.as<float>();
    const auto largest =
        std::ranges::max_element(values, {}, [](float value) { return std::abs(value); });
    *largest *= static_cast<float>(1 + 2 * tolerance);
    EXPECT_GT(error_of(e, golden.at("grad-cam")), tolerance);
}

TEST(AttentionGolden, IsThatOfPyTorch) {
    const Golden golden("vit");
    for (const AttentionRule rule :
         {AttentionRule::raw, AttentionRule::rollout, AttentionRule::relevance}) {
        SCOPED_TRACE(name(rule));
        std::vector<std::string> layers = {"attention0", "attention1", "attention2"};
        if (rule == AttentionRule::raw) layers = {"attention2"};
        const Explanation e =
            golden.explained_by(Attention(golden.model, {.rule = rule, .layers = layers}));
        // The class token's own entry comes first and is no patch.
        const Tensor patches =
            Tensor::of<double>({16}, std::span(golden.at(name(rule)).as<double>()).subspan(1));
        EXPECT_LT(error_of(e, patches), tolerance);
        EXPECT_EQ(e.attribution.values.shape(), (Shape{1, 1, 4, 4}));
        EXPECT_EQ(e.target.resolved.index, static_cast<int64_t>(golden.number("target")));
    }
}

}  // namespace
}  // namespace whence
