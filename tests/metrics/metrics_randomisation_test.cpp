// Randomised weights, other classes, shifted inputs: worked examples, Quantus, negative controls.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "metrics/support.h"
#include "metrics/tanh_model.h"
#include "whence/core/rng.h"
#include "whence/metrics/randomisation.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

using namespace test;
using testing::expect_within;
using Values = std::vector<std::vector<double>>;

// Quantus explains in float32; ranks are the same, entropies of 16 values nearly.
constexpr double float32 = 1e-6;

Batch images() {
    return Batch({{"x", robustness_golden("x").cast(ElementType::float64)}});
}

Explainer of_model(std::shared_ptr<const Model> model, int64_t k) {
    return [model = std::move(model), k](const Batch& inputs, const Run& run) {
        return GradientOf{dynamic_cast<const TanhModel&>(*model), k}(inputs, run);
    };
}
ExplainerOf gradients_of(int64_t k) {
    return [k](std::shared_ptr<const Model> model) { return of_model(std::move(model), k); };
}
std::shared_ptr<const Model> as_trained() {
    return std::make_shared<TanhModel>(golden_model());
}

// Models whose weights were written down, step by step.
struct WrittenDown {
    std::vector<TanhModel> steps;
    mutable int64_t asked = 0;
    explicit WrittenDown(const std::string& order) {
        const Tensor& all = robustness_golden("weights-" + order);
        for (int64_t step = 0; step < all.rows(); ++step)
            steps.emplace_back(all.slice_rows(step, 1).to_doubles());
    }
    std::shared_ptr<const Model> operator()(const std::vector<int64_t>&) const {
        return std::make_shared<TanhModel>(steps.at(asked++));
    }
};

TEST(Randomisation, StepsOfEachOrder) {
    using Steps = std::vector<std::vector<int64_t>>;
    EXPECT_EQ(randomisation_steps(3, LayerOrder::top_down), (Steps{{2}, {2, 1}, {2, 1, 0}}));
    EXPECT_EQ(randomisation_steps(3, LayerOrder::bottom_up), (Steps{{0}, {0, 1}, {0, 1, 2}}));
    EXPECT_EQ(randomisation_steps(3, LayerOrder::independent), (Steps{{0}, {1}, {2}}));
    for (const LayerOrder order :
         {LayerOrder::top_down, LayerOrder::bottom_up, LayerOrder::independent})
        EXPECT_EQ(parse_layer_order(name(order)), order);
    expect_within(testing::error_of(ErrorKind::usage, [] { return parse_layer_order("sideways"); }),
                  "bottom-up");
}

TEST(Randomisation, MprtEqualsQuantus) {
    for (const LayerOrder order :
         {LayerOrder::top_down, LayerOrder::bottom_up, LayerOrder::independent}) {
        std::string file(name(order));
        std::ranges::replace(file, '-', '_');
        for (int64_t i = 0; i < 3; ++i) {
            const WrittenDown models(file);
            const Score score =
                mprt(gradients_of(golden_class(i))(as_trained()), gradients_of(golden_class(i)),
                     std::cref(models), 2, golden_image(i), {.order = order}, plain_run)[0];
            const std::vector<double> expected = robustness_golden("mprt-" + file).to_doubles();
            ASSERT_EQ(score.curve.size(), 2U);
            for (size_t step = 0; step < 2; ++step)
                EXPECT_NEAR(score.curve[step], expected[step * 3 + i], float32);
            EXPECT_NEAR(score.value, (score.curve[0] + score.curve[1]) / 2, 1e-15);
        }
    }
}

TEST(Randomisation, EfficientMprtEqualsQuantus) {
    for (int64_t i = 0; i < 3; ++i) {
        // Fully randomised, bottom up.
        const TanhModel last = WrittenDown("bottom_up").steps.back();
        const Randomise randomise = [&](const std::vector<int64_t>& layers) {
            EXPECT_EQ(layers, (std::vector<int64_t>{0, 1}));
            return std::make_shared<TanhModel>(last);
        };
        const ExplainerOf explain = gradients_of(golden_class(i));
        EXPECT_NEAR(efficient_mprt(explain(as_trained()), explain, randomise, 2, golden_image(i),
                                   {.bins = 10}, plain_run)[0]
                        .value,
                    robustness_golden("efficient-mprt").to_doubles()[i], float32);
    }
}

TEST(Randomisation, RandomLogitEqualsQuantus) {
    for (int64_t i = 0; i < 3; ++i)
        EXPECT_NEAR(random_logit(of_model(as_trained(), golden_class(i)),
                                 of_model(as_trained(), (golden_class(i) + 1) % 3), golden_image(i),
                                 plain_run)[0]
                        .value,
                    robustness_golden("random-logit").to_doubles()[i], float32);
}

// docs/metrics/randomisation.md: (3, 1, 2) against (1, 2, 3) and (6, 1, 3).
TEST(Randomisation, WorkedExample) {
    const Batch input({{"x", Tensor::of<double>({1, 3}, {1, 1, 1})}});
    const auto says = [](std::vector<double> values) -> Explainer {
        return [values](const Batch&, const whence::Run&) { return Values{values}; };
    };
    int64_t step = 0;
    const ExplainerOf explain = [&](const std::shared_ptr<const Model>&) {
        return step++ == 0 ? says({-1, 2, 3}) : says({6, 1, 3});
    };
    const Randomise randomise = [](const std::vector<int64_t>&) { return nullptr; };
    const Score score = mprt(says({3, 1, -2}), explain, randomise, 2, input, {}, plain_run)[0];
    EXPECT_NEAR(score.curve[0], -0.5, 1e-12);
    EXPECT_NEAR(score.curve[1], 1, 1e-12);
    EXPECT_NEAR(score.value, 0.25, 1e-12);
    EXPECT_NEAR(random_logit(says({3, 1, 2}), says({1, 2, 3}), input, plain_run)[0].value, -0.5,
                1e-12);
    // Values 0, 0, 1, 1 in two bins: ln 2; 0, 0, 0, 1: 0.562.
    EXPECT_NEAR(histogram_entropy(std::vector<double>{0, 0, 1, 1}, 2), std::log(2.0), 1e-15);
    const double was = -(0.75 * std::log(0.75) + 0.25 * std::log(0.25));
    const ExplainerOf flat = [&](const std::shared_ptr<const Model>&) {
        return says({0, 0, 1, 1});
    };
    EXPECT_NEAR(
        efficient_mprt(says({0, 0, 0, 1}), flat, randomise, 1, input, {.bins = 2}, plain_run)[0]
            .value,
        (std::log(2.0) - was) / was, 1e-12);
}

// Negative control: what does not look at the model passes no test.
TEST(Randomisation, ExplanationWithoutModelIsFoundOut) {
    const Explainer edges = [](const Batch& inputs, const whence::Run&) {
        Values all;
        for (int64_t row = 0; row < inputs.rows(); ++row)
            all.push_back(inputs[0].value.slice_rows(row, 1).to_doubles());
        return all;
    };
    const ExplainerOf of_any = [&](const std::shared_ptr<const Model>&) { return edges; };
    const Randomise randomise = [](const std::vector<int64_t>&) { return nullptr; };
    for (const Score& score : mprt(edges, of_any, randomise, 4, images(), {}, plain_run))
        EXPECT_NEAR(score.value, 1, 1e-12);
    for (const Score& score :
         smooth_mprt(edges, of_any, randomise, 4, images(), "x", {.samples = 3}, plain_run))
        EXPECT_NEAR(score.value, 1, 1e-12);
    for (const Score& score :
         efficient_mprt(edges, of_any, randomise, 4, images(), {.bins = 10}, plain_run))
        EXPECT_EQ(score.value, 0);
    for (const Score& score : random_logit(edges, edges, images(), plain_run))
        EXPECT_NEAR(score.value, 1, 1e-12);
    // It follows the input, and the shift with it.
    for (const Score& score : input_invariance(edges, edges, images(), "x", {}, plain_run))
        EXPECT_EQ(score.value, 0);
}

// The slow twin: copy by copy.
TEST(Randomisation, SmoothMprtEqualsOneByOne) {
    const SmoothMprtOptions options{.samples = 4, .noise_level = 0.2};
    const WrittenDown models("bottom_up");
    const std::vector<Score> scores =
        smooth_mprt(of_model(as_trained(), 1), gradients_of(1), std::cref(models), 2, images(), "x",
                    options, whence::Run{.seed = 3});
    const auto averaged = [&](const TanhModel& model, int64_t i) {
        const std::vector<double> x = golden_image(i)[0].value.to_doubles();
        const auto [low, high] = std::ranges::minmax(x);
        std::vector<double> sum(x.size());
        for (int64_t s = 0; s < 4; ++s) {
            Rng rng(3, 0x636f7079, i * 4 + s);
            std::vector<double> copy(x);
            for (double& v : copy) v += 0.2 * (high - low) * rng.normal();
            const std::vector<double> g = model.gradient(copy, 1);
            for (size_t p = 0; p < g.size(); ++p) sum[p] += std::abs(g[p]);
        }
        return sum;
    };
    for (int64_t i = 0; i < 3; ++i)
        for (size_t step = 0; step < 2; ++step)
            EXPECT_NEAR(scores[i].curve[step],
                        spearman(averaged(golden_model(), i), averaged(models.steps[step], i)),
                        1e-9);
}

TEST(Randomisation, EachModelExplainsAllInputsInOneCall) {
    int64_t calls = 0;
    const ExplainerOf explain = [&](std::shared_ptr<const Model> model) -> Explainer {
        return [&calls, inner = of_model(std::move(model), 0)](const Batch& inputs,
                                                               const whence::Run& run) {
            ++calls;
            EXPECT_EQ(inputs.rows(), 3);
            return inner(inputs, run);
        };
    };
    const WrittenDown models("top_down");
    const std::vector<Score> scores =
        mprt(explain(as_trained()), explain, std::cref(models), 2, images(), {}, plain_run);
    EXPECT_EQ(scores.size(), 3U);
    EXPECT_EQ(calls, 3);
}

TEST(Randomisation, OtherClassIsAnotherOne) {
    std::vector<int64_t> seen(4);
    for (int64_t row = 0; row < 400; ++row) {
        const int64_t other = other_class(2, 4, row, 1);
        ASSERT_TRUE(other >= 0 && other < 4 && other != 2);
        ++seen[other];
    }
    for (const int64_t k : {0, 1, 3}) EXPECT_GT(seen[k], 80);
    expect_within(testing::error_of(ErrorKind::unsupported, [] { return other_class(0, 1, 0, 0); }),
                  "no other class");
}

TEST(Randomisation, InputInvariance) {
    const auto model = as_trained();
    // Explains x by the gradient at x - 1: that of the model that takes the shift back.
    const Explainer shifted = [&](const Batch& inputs, const whence::Run& run) {
        Tensor x = inputs[0].value;
        for (double& v : x.as<double>()) v -= 1;
        return of_model(model, 0)(Batch({{"x", x}}), run);
    };
    for (const Score& score :
         input_invariance(of_model(model, 0), shifted, images(), "x", {}, plain_run))
        EXPECT_EQ(score.value, 1);
    // Gradient times input moves with the input.
    const auto times_input = [](const Explainer& gradient) -> Explainer {
        return [gradient](const Batch& inputs, const whence::Run& run) {
            Values values = gradient(inputs, run);
            const std::vector<double> x = inputs[0].value.to_doubles();
            for (size_t i = 0; i < values.size(); ++i)
                for (size_t p = 0; p < values[i].size(); ++p)
                    values[i][p] *= x[i * values[i].size() + p];
            return values;
        };
    };
    for (const Score& score : input_invariance(
             times_input(of_model(model, 0)), times_input(shifted), images(), "x", {}, plain_run)) {
        EXPECT_EQ(score.value, 0);
        EXPECT_GT(score.curve[0], 0.1);
    }
}

// Twice the tolerance is refused, half of it is not.
TEST(Randomisation, InputInvarianceHasATolerance) {
    const auto off_by = [](double d) -> Explainer {
        return [d](const Batch&, const whence::Run&) { return Values{{2, 1 + d}}; };
    };
    const Batch input({{"x", Tensor::of<double>({1, 2}, {1, 1})}});
    const auto value = [&](double d) {
        return input_invariance(off_by(0), off_by(d), input, "x", {.tolerance = 1e-2}, plain_run)[0]
            .value;
    };
    EXPECT_EQ(value(1e-2), 1);
    EXPECT_EQ(value(4e-2), 0);
}

TEST(Randomisation, Degenerate) {
    const Explainer flat = [](const Batch& inputs, const whence::Run&) {
        return Values(inputs.rows(), {1, 1});
    };
    const ExplainerOf of_any = [&](const std::shared_ptr<const Model>&) { return flat; };
    const Randomise randomise = [](const std::vector<int64_t>&) { return nullptr; };
    const Score score = mprt(flat, of_any, randomise, 2, images(), {}, plain_run)[0];
    EXPECT_TRUE(std::isnan(score.value));
    EXPECT_FALSE(score.undefined_because.empty());
    EXPECT_TRUE(
        std::isnan(efficient_mprt(flat, of_any, randomise, 2, images(), {}, plain_run)[0].value));
    expect_within(
        testing::error_of(
            ErrorKind::unsupported,
            [&] { return mprt(flat, of_any, randomise, 0, images(), {}, plain_run).size(); }),
        "no layers");
    expect_within(testing::error_of(ErrorKind::usage,
                                    [&] {
                                        return smooth_mprt(flat, of_any, randomise, 1, images(),
                                                           "x", {.samples = 0}, plain_run)
                                            .size();
                                    }),
                  "noisy copies");
    EXPECT_EQ(histogram_entropy(std::vector<double>{2, 2}, 5), 0);
    expect_within(testing::error_of(ErrorKind::usage,
                                    [] {
                                        return histogram_entropy(std::vector<double>{2, 2}, 1);
                                    }),
                  "1 bins");
}

}  // namespace
}  // namespace whence::metrics
