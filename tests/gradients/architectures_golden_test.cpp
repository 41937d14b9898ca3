// Attributions of eight architectures against captum's (tests/golden/make_architecture_attributions.py).

#include <gtest/gtest.h>

#include "gradients/net_model.h"
#include "whence/data/npy.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/layer_path.h"
#include "whence/gradients/relu_rules.h"
#include "whence/runtime/onnx_model.h"

namespace whence {
namespace {

using namespace fakes;

// Theirs are computed in double, ours in float32: some ten layers of sums of up to a hundred
// products, each good to 6e-8. (Found: 4e-7 at most.)
constexpr double single_precision = 2e-6;

const std::filesystem::path golden_files =
    std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/golden";

class Architecture : public testing::TestWithParam<const char*> {
  protected:
    const std::string name = GetParam();
    const std::vector<NamedTensor> arrays =
        data::read_npz(golden_files / "architectures" / (name + ".npz"));
    const OnnxModel model =
        OnnxModel::load(std::filesystem::exists(golden_files / "architectures" / (name + ".onnx"))
                            ? golden_files / "architectures" / (name + ".onnx")
                            : golden_files / "cams" / (name + ".onnx"));
    const Target target = {.index = static_cast<int64_t>(find("target")->to_doubles()[0])};

    const Tensor* find(const std::string& array) const {
        const auto found = std::ranges::find(arrays, array, &NamedTensor::name);
        return found == arrays.end() ? nullptr : &found->value;
    }
    Baseline baseline() const { return baseline::Data{*find("baseline"), "golden"}; }
    Explanation explain(const Explainer& method) const {
        return method.explain(*find("x"), target, plain_run);
    }
    /// Largest difference, as a share of the largest value.
    double distance(const std::string& array, const Explanation& e) const {
        const Vector theirs = find(array)->to_doubles();
        double size = 0;
        for (const double v : theirs) size = std::max(size, std::abs(v));
        return largest_difference(values_of(e), theirs) / size;
    }
    Explanation integrated(int64_t steps) const {
        const IntegratedGradientsOptions options{.steps = steps,
                                                 .rule = gradients::QuadratureRule::gauss_legendre};
        if (name != "text") return explain(IntegratedGradients(model, baseline(), options));
        const Split parts = model.split("embedded");
        const auto embedded = [&](const char* array) {
            return parts.below->predict(*find(array), plain_run)[0].value;
        };
        return IntegratedGradients(*parts.above, baseline::Data{embedded("baseline"), "golden"},
                                   options)
            .explain(Batch({{"embedded", embedded("x")}}), target, plain_run);
    }
};

TEST_P(Architecture, IntegratedGradientsAreCaptums) {
    EXPECT_LE(distance("ig", integrated(20)), single_precision);
    EXPECT_GT(distance("ig", integrated(2)), 2 * single_precision);  // the negative control
}

class Convolutions : public Architecture {};

TEST_P(Convolutions, InternalInfluenceIsCaptums) {
    const InternalInfluence method(model, "features", baseline(),
                                   {.steps = 20, .rule = gradients::QuadratureRule::gauss_legendre});
    EXPECT_LE(distance("influence", explain(method)), single_precision);
    // Two networks are linear above their features, so fewer steps are no negative control.
    const Target another = {.index = (*target.index + 1) % 5};
    EXPECT_GT(distance("influence", method.explain(*find("x"), another, plain_run)),
              2 * single_precision);
}

class ReluNetworks : public Architecture {};

TEST_P(ReluNetworks, GuidedBackpropagationIsCaptums) {
    EXPECT_LE(distance("guided", explain(ReluRules(model))), single_precision);
    EXPECT_GT(distance("guided", explain(ReluRules(model, {.rules = Rules::deconvolution}))),
              2 * single_precision);
}

std::string name_of(const testing::TestParamInfo<const char*>& chosen) {
    return chosen.param;
}

INSTANTIATE_TEST_SUITE_P(Golden, Architecture,
                         testing::Values("resnet", "mobilenet", "densenet", "squeezenet", "vgg",
                                         "vit", "text", "lstm"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Golden, Convolutions,
                         testing::Values("resnet", "mobilenet", "densenet", "squeezenet", "vgg"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Golden, ReluNetworks, testing::Values("resnet", "squeezenet", "vgg"),
                         name_of);

}  // namespace
}  // namespace whence
