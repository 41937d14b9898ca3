// Gradient methods as the table offers them: on the input, on features of layers, with sets.

#include "recipe/support.h"

namespace whence::recipe::test {
namespace {

constexpr const char* block =
    "/block1/Add_output_0";  // [1, 48, 16, 16], with three convolutions above

// Differences of two float32 forward passes with sums in another order, of scores of about 5.
constexpr double rounding = 1e-5;

Explanation explained(const Recipe& recipe) {
    return explain(image_subject(), cat(), recipe, {});
}

// Few steps and samples wherever a method has them.
Recipe quick(const MethodSpec& method) {
    Recipe recipe{.method = method.name};
    if (method.baseline_set) recipe.baseline = "mean";
    for (const OptionSpec& option : method.options)
        if (option.option.name == "samples" ||
            (option.option.name == "steps" && option.option.value != Option{"", int64_t{0}}.value))
            recipe.options.push_back({option.option.name, int64_t{4}});
    return recipe;
}

bool mine(const MethodSpec& method) {
    return method.needs_gradient && !contains(method.name, "cam") && method.name != "odam" &&
           !contains(method.name, "attention");
}

TEST(FeatureMethods, ExplainTheFeaturesOfALayer) {
    int count = 0;
    for (const MethodSpec& method : methods()) {
        if (!mine(method) || method.layer == LayerUse::none) continue;
        Recipe recipe = quick(method);
        recipe.layer = block;
        const Explanation e = explained(recipe);
        const Shape shape = method.name == "difference-map" ? Shape{1, 1, 16, 16}
                            : method.name == "activation-maximisation"
                                ? cat().batch[0].value.shape()
                                : Shape{1, 48, 16, 16};
        EXPECT_EQ(e.attribution.values.shape(), shape) << method.name;
        EXPECT_EQ(e.attribution.layer, method.name == "activation-maximisation" ? "" : block)
            << method.name;
        EXPECT_TRUE(e.diagnostics.attribution_error || !e.diagnostics.no_error_because.empty());
        EXPECT_TRUE(replay(e, {}).differences.empty()) << method.name;
        ++count;
    }
    EXPECT_GE(count, 18);
}

// Input-determined baselines: whatever the layer, the number explained is the same.
TEST(FeatureMethods, ExplainTheSameTargetAtEveryLayer) {
    const Explanation input = explained({.method = "integrated-gradients", .baseline = "mean"});
    const double target = input.target.value - *input.target.baseline_value;
    for (const char* method :
         {"baseline-integrated-gradients", "layer-conductance", "taylor", "deep-lift"})
        for (const char* layer : {block, "features", "/ReduceMean_output_0"}) {
            const Explanation e = explained({.method = method, .baseline = "mean", .layer = layer});
            EXPECT_NEAR(e.target.value - *e.target.baseline_value, target, rounding)
                << method << " " << layer;
            // Above the pooled features the model is linear: everything is exact.
            if (layer == std::string("/ReduceMean_output_0")) {
                EXPECT_NEAR(*e.diagnostics.attribution_error, 0, 10 * rounding) << method;
            }
        }
}

TEST(FeatureMethods, FeaturesGivenDirectlyAreAnotherTarget) {
    const Explanation zeros = explained({.method = "baseline-integrated-gradients",
                                         .baseline = "features:zeros",
                                         .layer = "/ReduceMean_output_0"});
    const Explanation black = explained({.method = "baseline-integrated-gradients",
                                         .baseline = "zeros",
                                         .layer = "/ReduceMean_output_0"});
    EXPECT_EQ(zeros.target.baseline, "features:zeros");
    EXPECT_GT(std::abs(*zeros.target.baseline_value - *black.target.baseline_value), 0.01);
    for (const char* method : {"layer-conductance", "internal-influence"})
        EXPECT_TRUE(contains(message_of(ErrorKind::usage,
                                        [&] {
                                            static_cast<void>(explained(
                                                {.method = method, .baseline = "features:zeros"}));
                                        }),
                             "the path runs in the input"));
}

TEST(FeatureMethods, AverageOverASet) {
    const std::string set = "set:" + (examples / "data/breast_cancer.csv").string();
    for (const char* method : {"expected-gradients", "deep-shap"}) {
        const Explanation e =
            explain(table_subject(), row(17), {.method = method, .baseline = set}, {});
        EXPECT_EQ(e.target.baseline, set);
        EXPECT_EQ(e.attribution.names.size(), 30U);
        // DeepSHAP is exact; samples of expected gradients are told to be off by about a tenth.
        EXPECT_LT(*e.diagnostics.relative_error, method == std::string("deep-shap") ? 1e-4 : 0.5);
        EXPECT_EQ(e.attribution.standard_errors.empty(), method == std::string("deep-shap"));
    }
}

TEST(FeatureMethods, PairsOfColumnsAreInteractions) {
    const Explanation e =
        explain(table_subject(), row(17),
                {.method = "integrated-hessians", .options = {{"steps", int64_t{2}}}}, {});
    ASSERT_EQ(e.attribution.names.size(), 30U);
    EXPECT_EQ(e.attribution.names[0], "mean radius");
    EXPECT_EQ(e.interactions->values.shape(), (Shape{30, 30}));
}

TEST(ActivationMaximisation, NamesChannelsThatAreNot) {
    const auto message = [](const Recipe& recipe) {
        return message_of(ErrorKind::usage, [&] { static_cast<void>(explained(recipe)); });
    };
    EXPECT_TRUE(contains(message({.method = "activation-maximisation",
                                  .layer = "features",
                                  .options = {{"channel", int64_t{500}}}}),
                         "no channel 500"));
    EXPECT_TRUE(contains(
        message({.method = "activation-maximisation", .options = {{"channel", int64_t{5}}}}),
        "give --layer too"));
}

}  // namespace
}  // namespace whence::recipe::test
