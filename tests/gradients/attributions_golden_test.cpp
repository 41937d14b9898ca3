// Attributions of two small networks against captum's, and guided IG, blur IG and XRAI's ranking
// against those of their authors' package (tests/golden/make_attributions.py).

#include <gtest/gtest.h>

#include "gradients/net_model.h"
#include "whence/data/npy.h"
#include "whence/gradients/blur_ig.h"
#include "whence/gradients/deep_lift.h"
#include "whence/gradients/expected_gradients.h"
#include "whence/gradients/guided_ig.h"
#include "whence/gradients/input_x_gradient.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/layer_path.h"
#include "whence/gradients/regions.h"
#include "whence/gradients/relu_rules.h"
#include "whence/gradients/smooth_grad.h"
#include "whence/runtime/onnx_model.h"

namespace whence {
namespace {

using namespace fakes;
using gradients::QuadratureRule;

// Theirs are computed in double, ours in float32: products and sums of some hundred numbers, each
// good to 6e-8, over five layers.
constexpr double single_precision = 5e-6;
// DeepLIFT divides differences of two passes: a digit more is lost where they are small.
constexpr double differences = 5e-5;
// Left-hand sum of 20000 chords against the trapezoid rule of 2000: both within one change of the
// integrand over a chord, of which ReLUs make some jumps of the size of the integrand.
constexpr double chords = 1e-3;
// Differences of 4000 and of 1000 steps of a smooth path (second order), and a derivative of the
// blur taken over 0.0005 pixels (first order).
constexpr double blurs = 1e-3;

class Arrays {
  public:
    explicit Arrays(const std::string& name) : all_(data::read_npz(folder() / (name + ".npz"))) {}
    const Tensor& at(const std::string& name) const {
        const auto found = std::ranges::find(all_, name, &NamedTensor::name);
        if (found == all_.end()) throw std::out_of_range(name);
        return found->value;
    }
    static std::filesystem::path folder() {
        return std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/golden/attributions";
    }

  private:
    std::vector<NamedTensor> all_;
};

class Golden {
  public:
    explicit Golden(const std::string& name)
        : model(OnnxModel::load(Arrays::folder() / (name + ".onnx"))), arrays_(name) {}

    const Tensor& at(const std::string& name) const { return arrays_.at(name); }
    Batch input() const { return at("x"); }
    Baseline baseline() const { return baseline::Data{at("baseline"), "golden"}; }

    /// Largest difference, as a share of the largest value.
    double distance(const std::string& name, const Explanation& e) const {
        return distance(name, values_of(e));
    }
    double distance(const std::string& name, const Vector& values) const {
        const Vector theirs = at(name).to_doubles();
        double size = 0;
        for (const double v : theirs) size = std::max(size, std::abs(v));
        return largest_difference(values, theirs) / size;
    }
    /// Largest difference, in standard errors of it.
    double deviations(const std::string& name, const Explanation& e) const {
        const Vector ours = values_of(e), theirs = at(name).to_doubles(),
                     their_errors = at(name + "_error").to_doubles();
        double largest = 0;
        for (size_t i = 0; i < ours.size(); ++i)
            largest = std::max(
                largest, std::abs(ours[i] - theirs[i]) /
                             std::hypot(their_errors[i], e.attribution.standard_errors.at(i)));
        return largest;
    }

    OnnxModel model;

  private:
    Arrays arrays_;
};

const Target target = {.index = 1};

class Both : public testing::TestWithParam<const char*> {
  protected:
    const Golden golden{GetParam()};
    Explanation explain(const Explainer& method) const {
        return method.explain(golden.input(), target, plain_run);
    }
};

TEST_P(Both, ScoresAreTheSame) {
    const Vector score = golden.at("score").to_doubles();
    const Explanation e = explain(InputXGradient(golden.model, {.baseline = golden.baseline()}));
    EXPECT_NEAR(e.target.value, score[0], single_precision * 10);
    EXPECT_NEAR(*e.target.baseline_value, score[1], single_precision * 10);
}

TEST_P(Both, InputTimesGradient) {
    EXPECT_LE(golden.distance("input_x_gradient", explain(InputXGradient(golden.model))),
              single_precision);
}

TEST_P(Both, IntegratedGradients) {
    const auto distance = [&](const std::string& name, QuadratureRule rule, int64_t steps) {
        return golden.distance(name, explain(IntegratedGradients(golden.model, golden.baseline(),
                                                                 {.steps = steps, .rule = rule})));
    };
    EXPECT_LE(distance("ig_gausslegendre", QuadratureRule::gauss_legendre, 20), single_precision);
    EXPECT_LE(distance("ig_riemann_middle", QuadratureRule::midpoint, 20), single_precision);
    // The negative control: one step more is another sum.
    EXPECT_GT(distance("ig_riemann_middle", QuadratureRule::midpoint, 21), 2 * single_precision);
}

TEST_P(Both, LayerIntegratedGradients) {
    for (const std::string layer : {"h1", "h2"}) {
        const Split parts = golden.model.split(layer);
        const auto features = [&](const Batch& input) {
            return parts.below->predict(input, plain_run)[0].value;
        };
        const Explanation e =
            IntegratedGradients(*parts.above,
                                baseline::Data{features(golden.at("baseline")), "golden"},
                                {.steps = 20, .rule = QuadratureRule::gauss_legendre})
                .explain(Batch({{layer, features(golden.input())}}), target, plain_run);
        EXPECT_LE(golden.distance("layer_ig_" + layer, e), single_precision) << layer;
    }
}

TEST_P(Both, InternalInfluence) {
    for (const std::string layer : {"h1", "h2"})
        EXPECT_LE(golden.distance(
                      "influence_" + layer,
                      explain(InternalInfluence(golden.model, layer, golden.baseline(),
                                                {.steps = 20, .rule = QuadratureRule::gauss_legendre}))),
                  single_precision)
            << layer;
}

TEST_P(Both, LayerConductance) {
    const auto distance = [&](const std::string& layer, int64_t steps) {
        return golden.distance(
            "conductance_" + layer,
            explain(LayerConductance(golden.model, layer, golden.baseline(), {.steps = steps})));
    };
    EXPECT_LE(distance("h1", 2000), chords);
    EXPECT_LE(distance("h2", 2000), chords);
    EXPECT_GT(distance("h1", 2), 2 * chords);
}

// Equal in distribution: of 128 values the largest of normal deviates stays below five.
TEST_P(Both, SamplesOfTheSameMeans) {
    using Statistic = SmoothGradOptions::Statistic;
    const auto smooth = [&](Statistic statistic, double noise) {
        return explain(
            SmoothGrad(golden.model, {.statistic = statistic, .samples = 10000, .noise = noise}));
    };
    EXPECT_LE(golden.deviations("smoothgrad", smooth(Statistic::mean, 0.15)), 5);
    EXPECT_LE(golden.deviations("smoothgrad_sq", smooth(Statistic::square, 0.15)), 5);
    EXPECT_GT(golden.deviations("smoothgrad_sq", smooth(Statistic::square, 0.18)), 5);
    Explanation variance = smooth(Statistic::variance, 0.15);
    // As many samples as theirs, so about the same error.
    variance.attribution.standard_errors = golden.at("vargrad_error").to_doubles();
    EXPECT_LE(golden.deviations("vargrad", variance), 5);
    const auto expected = [&](const char* background) {
        return golden.deviations("gradient_shap",
                                 explain(ExpectedGradients(golden.model, golden.at(background),
                                                           background, {.samples = 10000})));
    };
    EXPECT_LE(expected("background"), 5);
    EXPECT_GT(expected("baseline"), 5);
}

INSTANTIATE_TEST_SUITE_P(GoldenAttributions, Both, testing::Values("relu", "smooth"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST(GoldenAttributions, DeepLift) {
    for (const std::string network : {"average", "smooth"}) {
        const Golden golden(network);
        const auto explain = [&](const Explainer& method) {
            return method.explain(golden.input(), target, plain_run);
        };
        EXPECT_LE(golden.distance("deep_lift", explain(DeepLift(golden.model, golden.baseline()))),
                  differences);
        const Explanation e = explain(DeepShap(golden.model, golden.at("background"), "five rows"));
        EXPECT_LE(golden.distance("deep_shap", e), differences);
        EXPECT_NEAR(*e.target.baseline_value, golden.at("score").to_doubles()[2],
                    10 * single_precision);
        // The negative control: against another baseline it is another attribution.
        EXPECT_GT(golden.distance("deep_lift", explain(DeepLift(golden.model))), 2 * differences);
    }
}

// Where captum's does not add up: max-pooling.
TEST(GoldenAttributions, DeepLiftAddsUpWithMaxPooling) {
    const Golden golden("relu");
    const Explanation e =
        DeepLift(golden.model, golden.baseline()).explain(golden.input(), target, plain_run);
    EXPECT_LE(*e.diagnostics.relative_error, differences);
}

TEST(GoldenAttributions, ReluRules) {
    const Golden golden("relu");
    const auto values = [&](Rules rules) {
        return values_of(
            ReluRules(golden.model, {.rules = rules}).explain(golden.input(), target, plain_run));
    };
    EXPECT_LE(golden.distance("guided_backprop", values(Rules::guided)), single_precision);
    EXPECT_LE(golden.distance("deconvolution", values(Rules::deconvolution)), single_precision);
    EXPECT_GT(golden.distance("deconvolution", values(Rules::guided)), 2 * single_precision);
}

TEST(GoldenAttributions, GuidedIg) {
    const Golden golden("smooth");
    const auto distance = [&](double fraction) {
        return golden.distance(
            "guided_ig",
            GuidedIg(golden.model, golden.baseline(),
                     {.steps = 50, .fraction = fraction, .max_distance = 0.05, .compatible = true})
                .explain(golden.input(), target, plain_run));
    };
    EXPECT_LE(distance(0.25), single_precision);
    EXPECT_GT(distance(0.3), 2 * single_precision);
}

TEST(GoldenAttributions, BlurIg) {
    const Golden golden("smooth");
    const auto distance = [&](double sigma) {
        return golden.distance("blur_ig", BlurIg(golden.model, {.steps = 1000, .max_sigma = sigma})
                                              .explain(golden.input(), target, plain_run));
    };
    EXPECT_LE(distance(3), blurs);
    EXPECT_GT(distance(2), 2 * blurs);
}

TEST(GoldenAttributions, RankingOfRegions) {
    const Arrays arrays("ranking");
    const Vector pixels = arrays.at("attribution").to_doubles();
    const Vector masks = arrays.at("masks").to_doubles();
    std::vector<gradients::Region> regions(masks.size() / pixels.size());
    for (size_t i = 0; i < masks.size(); ++i)
        if (masks[i] != 0)
            regions[i / pixels.size()].push_back(static_cast<int32_t>(i % pixels.size()));
    const gradients::RankedRegions ranked = gradients::rank_regions(pixels, regions, 5, plain_run);
    Vector gains;
    for (const int32_t label : ranked.labels) gains.push_back(ranked.gains[label]);
    EXPECT_LE(largest_difference(gains, arrays.at("gains").to_doubles()), 1e-12);
}

}  // namespace
}  // namespace whence
